package lock

import (
	"context"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Downgrade turns a session's hold in ModeWrite into one in ModeRead, in one commit: at no moment
// is the lock free, no writer gets in between, and readers behind it come in. The hold has a token
// of its own, greater than the writer's; the ticket of the writer is gone. With token 0 it is the
// session's hold of the name. Repeating it with its
// token is safe, for as long as the member remembers. Errors are those of Release, and an
// [*lease.InputError] for a hold in another mode or a place that still waits.
//
// There is no way up: two readers who both wait to become writers would wait for each other for
// ever. Release, and ask for ModeWrite.
func (l *Locker) Downgrade(ctx context.Context, name string, session lease.ID, generation int64, token Token) (Hold, error) {
	dir, err := Path(name)
	if err != nil {
		return Hold{}, err
	}
	owner, err := l.generation(session, generation)
	if err != nil {
		return Hold{}, err
	}
	a := &attempt{request: Request{Name: name, Session: session}, dir: dir, session: session, owner: owner}
	err = l.lookFresh(ctx, func(t *znode.Tree, _ int64) bool { return l.find(t, a, token, "") || l.findReader(t, a, token) })
	switch {
	case err != nil:
		return Hold{}, err
	case a.path == "":
		if token == 0 {
			token = l.lastEnd(session, name)
		}
		if err := l.lost(name, token); err != nil {
			return Hold{}, err
		}
		return Hold{}, ErrNotHeld
	case a.repeated:
		return l.standing(a)
	case modeOf(a.path) != ModeWrite:
		return Hold{}, &lease.InputError{Field: "mode", Problem: "is not write: only a hold in mode write can be downgraded", Fix: "acquire with mode=write"}
	}
	op := znode.Op{Kind: znode.OpDowngrade, Path: a.path, Czxid: a.stat.Czxid}
	out, err := l.store.Do(ctx, &znode.Request{Session: session, Owner: owner, Ops: []znode.Op{op}})
	switch {
	case err != nil:
		return Hold{}, err
	case out.Code == znode.ErrNotHolder:
		return Hold{}, &lease.InputError{Field: "token", Problem: "is of a place that still waits", Fix: "wait until it holds, then downgrade"}
	case out.Code == znode.ErrNoNode:
		if err := l.lost(name, Token(a.stat.Czxid)); err != nil {
			return Hold{}, err
		}
		return Hold{}, ErrNotHeld
	case out.Code != znode.OK:
		return Hold{}, l.codeError(out.Code, session)
	}
	a.took(&out)
	return l.standing(a)
}

// findReader looks for the reader that a downgrade of the hold with the token has made: it has the
// writer's number.
func (l *Locker) findReader(t *znode.Tree, a *attempt, token Token) bool {
	number, ok := l.number(a.dir, token)
	if !ok {
		return false
	}
	for path := range t.Ephemerals(a.session) {
		dir, name := znode.Split(path)
		if seq, _ := znode.Contender(name); dir != a.dir || seq != number || !znode.Shared(name) {
			continue
		}
		if n, ok := t.Get(path); ok && n.Czxid() > int64(token) {
			a.path, a.stat, a.repeated = path, n.Stat(), true
			return true
		}
	}
	return false
}
