package barrier

import (
	"context"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An Entry asks to participate in a double barrier.
type Entry struct {
	Name       string
	ID         string            // the participant's name there, which makes the entry repeatable; empty: a fresh one
	Session    lease.ID          // 0: open a one-shot session for this participant
	Generation int64             // of the attachment it came over; 0: not checked
	TTL        time.Duration     // of the one-shot session; see [lease.Options]
	Labels     map[string]string // of the one-shot session
	Count      int               // for how many the barrier opens
	Owner      string            // for people: who
	Door       string

	// OwnTouches says that the client keeps the session alive by touches of its own and counts from
	// them: the answer has no Deadline, and waits for no touch. For a Session only.
	OwnTouches bool
	// Begins, if not nil, is called once if Enter has to wait. It must not block.
	Begins func()
}

// A Place is how a participant stands at a double barrier.
type Place struct {
	Name         string
	ID           string
	Session      lease.ID
	Open         bool // enough have come
	Count        int  // for how many it opens; 0 where this one has not said
	Participants int  // who are there now
	TTL          time.Duration
	Deadline     time.Time // the session cannot end before this, by this member's clock; zero where not asked for
	OneShot      bool      // the session was made for this participant
	Revision     int64
	Repeated     bool // it had been done before
}

// An entrant is an Entry on its way.
type entrant struct {
	Entry
	dir, path, ready string
	retry            bool // its client can repeat it
	oneShot          bool
	ttl              time.Duration
	data             []byte
	czxid            int64
	version          int32 // of the participant's znode, as this entry has left it
	open             bool
	repeated         bool
	revision         int64
}

// Enter enters a double barrier and waits until as many have entered as it asks for: not at all when
// wait is 0, without limit when it is negative. When the time runs out the participant is taken back
// and the error is a [*ClosedError]; so it is when ctx ends, with ctx's cause. It is a [*CountError]
// where those who are there wait for another number, as far as they have said, and a
// [*lease.LostError] where the session ends first.
//
// The same Entry with the same ID may be repeated at any member while the participant is there.
func (b *Barriers) Enter(ctx context.Context, r Entry, wait time.Duration) (Place, error) {
	e, err := b.prepare(r)
	if err != nil {
		return Place{}, err
	}
	if err := b.compare(e); err != nil {
		return Place{}, err
	}
	w := b.watch(e.dir, entering, e.path)
	defer b.unwatch(e.dir, w)
	if err := b.join(ctx, e); err != nil {
		return Place{}, err
	}
	if err := b.compare(e); err != nil {
		b.leaveBehind(e)
		return Place{}, err
	}
	if err := b.await(ctx, e, w, wait); err != nil {
		return Place{}, err
	}
	return b.entered(ctx, e)
}

func (b *Barriers) prepare(r Entry) (*entrant, error) {
	dir, err := path(r.Name)
	if err != nil {
		return nil, err
	}
	if r.Count <= 0 || r.Count > b.cfg.MaxParticipants {
		return nil, &lease.InputError{Field: "count", Problem: fmt.Sprintf("%d is not a number from 1 to %d", r.Count, b.cfg.MaxParticipants), Fix: "say for how many participants the barrier opens, the same number by all"}
	}
	e := &entrant{Entry: r, dir: dir, ready: znode.Join(dir, readyName), retry: r.ID != ""}
	if e.ID == "" {
		e.ID = newID()
	}
	if err := checkID(dir, e.ID); err != nil {
		return nil, err
	}
	e.path = znode.Join(dir, e.ID)
	e.data, err = (&note{Count: r.Count, Owner: r.Owner, Door: r.Door}).encode()
	return e, err
}

// mostLooked bounds how many participants are looked at for the number that they wait for. All of
// ours that are there wait for the same.
const mostLooked = 64

// compare says so where another participant waits for another number.
func (b *Barriers) compare(e *entrant) error {
	others, full := 0, false
	b.store.View(func(t *znode.Tree, _ int64) {
		n, ok := t.Get(e.dir)
		if !ok {
			return
		}
		_, there := t.Get(e.path) // as that of a repeated entry is
		full = !there && participants(t, e.dir) >= b.cfg.MaxParticipants
		looked := 0
		for c := range n.Children() {
			if c.Path() == e.path || c.Path() == e.ready {
				continue
			}
			if others = decodeNote(c.Data()).Count; others != 0 {
				return
			}
			if looked++; looked == mostLooked {
				return
			}
		}
	})
	switch {
	case others != 0 && others != e.Count:
		return &CountError{Name: e.Name, Count: e.Count, Others: others}
	case full:
		return ErrTooManyParticipants
	}
	return nil
}

// join makes the participant's znode and, where that completes the number, opens the barrier in the
// same step. What a round has left behind whose participants have all died is taken away before.
func (b *Barriers) join(ctx context.Context, e *entrant) error {
	clear := znode.Op{Kind: znode.OpReady, Path: e.ready}
	create := znode.Op{Kind: znode.OpCreate, Path: e.path, Data: e.data, ACL: znode.OpenACL, Node: znode.Ephemeral, Parents: true}
	open := znode.Op{Kind: znode.OpReady, Path: e.ready, Version: int32(e.Count), Data: []byte{}, ACL: znode.OpenACL}
	var first []znode.Op
	if e.Session == 0 {
		record, err := b.oneShot(ctx, e)
		if err != nil {
			return err
		}
		e.oneShot, e.Session, e.ttl = true, record.ID, record.TTL
		first = []znode.Op{{Kind: znode.OpOpen, Session: record}}
	}
	again := false // the znode is there: its version is raised, so that an earlier entry's clean-up lets it stand
	for range tries {
		ops := append(first[:len(first):len(first)], clear, create, open)
		if again {
			ops = []znode.Op{{Kind: znode.OpSetData, Path: e.path, Data: e.data, Version: -1, Own: true}, open}
		}
		r := &znode.Request{Ops: ops}
		if len(first) == 0 {
			owner, err := b.sessions.Attached(e.Session, e.Generation)
			if err != nil {
				return err
			}
			r.Session, r.Owner = e.Session, owner
		}
		out, err := b.store.DoLate(ctx, r, func(o znode.Outcome, err error) { b.leaveLate(e, &o, err) })
		switch {
		case err != nil:
			return err
		case out.Code == znode.OK:
			e.took(&out, again)
			return nil
		case out.Code == znode.ErrSessionExists: // a repeated entry: go on in its session
			first = nil
		case out.Code == znode.ErrNodeExists, out.Code == znode.ErrNotOwner:
			if again, err = b.own(e); err != nil {
				return err
			}
		case out.Code == znode.ErrNoNode && again:
			again = false // taken back meanwhile
		default:
			return b.codeError(out.Code, e.Session)
		}
	}
	return store.ErrUnavailable
}

// took takes the outcome of a join that was done.
func (e *entrant) took(out *znode.Outcome, again bool) {
	e.revision, e.repeated = out.Revision, again
	last := len(out.Results) - 1
	e.open = out.Results[last].Path != ""
	stat := out.Results[last-1].Stat
	e.czxid, e.version = stat.Czxid, stat.Version
}

// oneShot returns the record of a session for one participant.
func (b *Barriers) oneShot(ctx context.Context, e *entrant) (znode.Session, error) {
	if err := b.sessions.Room(); err != nil {
		return znode.Session{}, err
	}
	o := lease.Options{TTL: e.TTL, Labels: e.Labels, OneShot: true}
	if e.retry {
		o.RequestID = "barrier\x00" + e.Name + "\x00" + e.ID
	}
	return b.sessions.Record(ctx, o)
}

// own reports whether the znode that stands in the way is the participant's own; false where it is
// gone again.
func (b *Barriers) own(e *entrant) (own bool, err error) {
	b.store.View(func(t *znode.Tree, _ int64) {
		n, ok := t.Get(e.path)
		switch {
		case !ok:
		case n.Owner() == e.Session:
			own = true
		default:
			err = &lease.InputError{Field: "id", Problem: fmt.Sprintf("%.40q is another session's participant", e.ID), Fix: "choose another one, or leave it out"}
		}
	})
	return own, err
}

// await waits until the barrier is open. On any error the participant is taken back.
func (b *Barriers) await(ctx context.Context, e *entrant, w *waiter, wait time.Duration) error {
	c := newClock(wait)
	defer c.stop()
	if e.oneShot {
		c.keeping(e.ttl, func() { b.store.Touch(e.Session, false) })
	}
	for !e.open {
		gone := false
		b.store.View(func(t *znode.Tree, _ int64) {
			n, ok := t.Get(e.path)
			gone = !ok || n.Czxid() != e.czxid
			_, e.open = t.Get(e.ready)
		})
		e.open = !gone && e.open || b.openedSince(e.dir, e.czxid)
		switch {
		case e.open:
			return nil
		case gone:
			return b.gone(e)
		}
		ok, err := c.wait(ctx, w, &e.Begins)
		switch {
		case err != nil:
			b.leaveBehind(e)
			return err
		case !ok:
			return b.takeBack(ctx, e)
		}
	}
	return nil
}

// gone tells what became of a participant whose znode is not there any more.
func (b *Barriers) gone(e *entrant) error {
	if _, _, ok := b.sessions.Look(e.Session); !ok {
		return b.sessions.Lost(e.Session)
	}
	return fmt.Errorf("participant %s was deleted by somebody: %w", e.ID, ErrClosed)
}

// takeBack takes a participant back whose time has run out, unless the barrier opens first.
func (b *Barriers) takeBack(ctx context.Context, e *entrant) error {
	closed := &ClosedError{Name: e.Name, Count: e.Count}
	b.store.View(func(t *znode.Tree, revision int64) {
		closed.Participants, closed.Revision = participants(t, e.dir), revision
	})
	unless := znode.Op{Kind: znode.OpReady, Path: e.ready, Version: -1}
	out, err := b.store.Do(ctx, e.leaving(unless))
	switch {
	case err != nil:
		b.leaveBehind(e)
	case out.Code == znode.ErrNodeExists:
		e.open = true
		return nil
	case out.Code == znode.OK && e.oneShot && !e.retry:
		b.closeBehind(e.Session)
	}
	return closed
}

// leaving is the request that takes a participant back. Where its client may have repeated the
// entry, at whatever member, only the version that this one has seen is deleted.
func (e *entrant) leaving(before ...znode.Op) *znode.Request {
	op := znode.Op{Kind: znode.OpDelete, Path: e.path, Version: -1, Czxid: e.czxid, Own: true}
	if e.retry {
		op.Version = e.version
	}
	return &znode.Request{Session: e.Session, Ops: append(before, op, znode.Op{Kind: znode.OpReady, Path: e.ready})}
}

// leaveBehind takes a participant back behind its caller's back. The request is repeated until its
// outcome is known; should this member die first, the session's end removes the participant.
func (b *Barriers) leaveBehind(e *entrant) {
	b.behind.Do(func(ctx context.Context) error {
		if e.czxid == 0 {
			// Nobody knows what became of the request that was to make it.
			if err := b.store.Pass(ctx); err != nil {
				return err
			}
			b.store.View(func(t *znode.Tree, _ int64) {
				if n, ok := t.Get(e.path); ok && n.Owner() == e.Session {
					e.czxid, e.version = n.Czxid(), n.Stat().Version
				}
			})
			if e.czxid == 0 || e.retry && e.version > 0 {
				return nil // it never was, or its client has come for it since
			}
		}
		if _, err := b.store.Do(ctx, e.leaving()); err != nil {
			return err
		}
		if !e.oneShot || e.retry {
			return nil
		}
		_, err := b.store.Do(ctx, &znode.Request{Session: e.Session, Ops: []znode.Op{{Kind: znode.OpClose}}})
		return err
	})
}

// leaveLate cleans up after a join whose caller has gone before its outcome was known.
func (b *Barriers) leaveLate(e *entrant, out *znode.Outcome, err error) {
	switch {
	case err != nil:
		b.leaveBehind(e)
	case out.Code == znode.OK:
		e.took(out, false)
		b.leaveBehind(e)
	}
}

// closeBehind ends a session behind a caller's back.
func (b *Barriers) closeBehind(session lease.ID) {
	b.behind.Do(func(ctx context.Context) error {
		_, err := b.store.Do(ctx, &znode.Request{Session: session, Ops: []znode.Op{{Kind: znode.OpClose}}})
		return err
	})
}

// entered answers a participant for which the barrier is open. On any error it is taken back: its
// client has not heard its name, and others would wait for it to leave.
func (b *Barriers) entered(ctx context.Context, e *entrant) (Place, error) {
	p := Place{
		Name: e.Name, ID: e.ID, Session: e.Session, Open: true, Count: e.Count,
		OneShot: e.oneShot, Revision: e.revision, Repeated: e.repeated,
	}
	if !e.OwnTouches {
		touched, err := b.sessions.Touch(ctx, e.Session, e.Generation)
		if err != nil {
			b.leaveBehind(e)
			return Place{}, err
		}
		p.TTL, p.Deadline = touched.Session.TTL, touched.Deadline
	}
	b.store.View(func(t *znode.Tree, revision int64) {
		p.Participants, p.Revision = participants(t, e.dir), max(p.Revision, revision)
	})
	return p, nil
}
