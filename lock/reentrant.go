package lock

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A reentrant hold is one contender of a session and an owner, whose data has an entry for each
// time that it was taken and not released. An entry is derived from the request's id, so that a
// repeated request finds its own and counts once. A repetition changes its entry, though: whoever
// means to clean up after the first one, because its caller has gone, can tell that another caller
// has come for it, and lets it stand.

// identify returns the id for the contenders of a request, and the entry of a reentrant one.
func (l *Locker) identify(r *Request) (id, mark string) {
	if !r.Reentrant {
		return protect(r.RequestID), ""
	}
	return protect("reentrant\x00" + lease.FormatID(r.Session) + "\x00" + r.Owner), entryOf(r.RequestID)
}

// entryOf returns the entry of a request as it is first made.
func entryOf(requestID string) string {
	var b [8]byte
	if requestID == "" {
		rand.Read(b[:]) // never fails, by its documentation
	} else {
		sum := sha256.Sum256([]byte(requestID))
		copy(b[:], sum[:])
	}
	return hex.EncodeToString(b[:])
}

// findEntry returns where entries have the entry of a request, first made or repeated; -1: nowhere.
func findEntry(entries []string, first string) int {
	return slices.IndexFunc(entries, func(e string) bool {
		head, _, _ := strings.Cut(e, "+")
		return head == first
	})
}

// repeatedEntry returns what an entry becomes when its request is repeated.
func repeatedEntry(e string) string {
	head, count, _ := strings.Cut(e, "+")
	n, _ := strconv.Atoi(count) // empty is 0
	return head + "+" + strconv.Itoa(n+1)
}

// entriesOf returns the entries in a contender's data; none where it is not reentrant.
func entriesOf(data []byte) []string {
	if !bytes.Contains(data, []byte(`"entries":`)) {
		return nil
	}
	return decodeNote(data).Entries
}

// enterAgain adds the attempt's entry to the contender that its session and owner have already.
func (l *Locker) enterAgain(ctx context.Context, a *attempt, try bool) (*attempt, error) {
	for {
		n, ok := l.contents(a)
		if !ok {
			a.repeated = false
			return l.enter(ctx, a.request, try) // released meanwhile
		}
		first, _, _ := strings.Cut(a.entry, "+")
		if i := findEntry(n.note.Entries, first); i >= 0 {
			n.note.Entries[i] = repeatedEntry(n.note.Entries[i])
			a.entry = n.note.Entries[i]
		} else if a.repeated = false; len(n.note.Entries) >= l.cfg.MaxEntries {
			return nil, ErrTooManyEntries
		} else {
			n.note.Entries = append(n.note.Entries, a.entry)
		}
		code, err := l.replace(ctx, a, n)
		switch {
		case err != nil:
			l.leaveUnknown(a)
			return nil, err
		case code == znode.OK:
			return a, nil
		case code != znode.ErrBadVersion && code != znode.ErrNoNode:
			return nil, l.codeError(code, a.session)
		}
	}
}

// withdraw takes an entry out of a contender, and the contender out of the queue with the last one.
// It reports how many are left, and false where there was no such entry. mark is the entry as it
// was seen last: one that was repeated since stays.
func (l *Locker) withdraw(ctx context.Context, a *attempt, mark string) (left int, found bool, err error) {
	for {
		n, ok := l.contents(a)
		if !ok {
			return 0, false, nil
		}
		i := slices.Index(n.note.Entries, mark)
		if i < 0 {
			return len(n.note.Entries), false, nil
		}
		n.note.Entries = slices.Delete(n.note.Entries, i, i+1)
		code, err := l.replace(ctx, a, n)
		switch {
		case err != nil:
			return 0, false, err
		case code == znode.OK:
			return len(n.note.Entries), true, nil
		case code == znode.ErrNoNode, code == znode.ErrSessionExpired:
			return 0, false, nil
		case code != znode.ErrBadVersion:
			return 0, false, l.codeError(code, a.session)
		}
	}
}

// A content is what a contender's znode has, and which version of it.
type content struct {
	note    note
	version int32
	czxid   int64
}

// contents reads an attempt's contender in this member's tree; false where it is gone.
func (l *Locker) contents(a *attempt) (c content, ok bool) {
	var data []byte
	l.store.View(func(t *znode.Tree, _ int64) {
		n, there := t.Get(a.path)
		if !there || n.Owner() != a.session || n.Czxid() != a.czxid(n) {
			return
		}
		data, c.version, c.czxid, ok = n.Data(), n.Stat().Version, n.Czxid(), true
	})
	c.note = decodeNote(data)
	return c, ok
}

// replace writes a contender's note, or deletes the contender where no entry is left, unless
// somebody else has changed it since it was read.
func (l *Locker) replace(ctx context.Context, a *attempt, c content) (znode.Code, error) {
	op := znode.Op{Kind: znode.OpDelete, Path: a.path, Version: c.version, Czxid: c.czxid, Own: true}
	if len(c.note.Entries) > 0 {
		data, err := c.note.encode()
		if err != nil {
			return znode.OK, err
		}
		op.Kind, op.Data = znode.OpSetData, data
	}
	out, err := l.store.Do(ctx, &znode.Request{Session: a.session, Owner: a.owner, Ops: []znode.Op{op}})
	if err != nil {
		return znode.OK, err
	}
	if out.Code == znode.OK && op.Kind == znode.OpSetData {
		a.stat = out.Results[0].Stat
	}
	a.revision = out.Revision
	return out.Code, nil
}

// findEntered looks for the session's reentrant contender that has an entry of the request.
func (l *Locker) findEntered(t *znode.Tree, a *attempt, requestID string) bool {
	first := entryOf(requestID)
	for path := range t.Ephemerals(a.session) {
		dir, name := znode.Split(path)
		if _, contender := znode.Contender(name); dir != a.dir || !contender {
			continue
		}
		if n, ok := t.Get(path); ok && findEntry(entriesOf(n.Data()), first) >= 0 {
			a.path, a.stat = path, n.Stat()
			return true
		}
	}
	return false
}

// releaseEntry gives back one of the times that a reentrant hold was taken: that of a request id,
// or else the last. It reports false where the contender is not a reentrant one.
func (l *Locker) releaseEntry(ctx context.Context, a *attempt, requestID string) (d Done, reentrant bool, err error) {
	c, ok := l.contents(a)
	if !ok || len(c.note.Entries) == 0 {
		return Done{}, false, nil
	}
	mark := c.note.Entries[len(c.note.Entries)-1]
	if requestID != "" {
		i := findEntry(c.note.Entries, entryOf(requestID))
		if i < 0 {
			return Done{Name: a.request.Name, Token: Token(c.czxid), Count: len(c.note.Entries), Revision: l.store.Revision(), Repeated: true}, true, nil
		}
		mark = c.note.Entries[i]
	}
	left, found, err := l.withdraw(ctx, a, mark)
	if err != nil {
		return Done{}, true, err
	}
	return Done{Name: a.request.Name, Token: Token(c.czxid), Count: left, Revision: l.store.Revision(), Repeated: !found}, true, nil
}
