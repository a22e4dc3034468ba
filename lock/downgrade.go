package lock

import (
	"context"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Downgrade turns a session's hold in ModeWrite into one in ModeRead, in one commit: at no moment
// is the lock free, no writer gets in between, and readers behind it come in. The hold keeps its
// token; a ticket of it is gone. With token 0 it is the session's hold of the name. A hold that is
// in ModeRead already is answered as Repeated. Errors are those of Release, and an
// [*lease.InputError] for a hold in another mode or a place that still waits.
//
// There is no way up: two readers who both wait to become writers would wait for each other for
// ever. Release, and ask for ModeWrite.
func (l *Locker) Downgrade(ctx context.Context, name string, session lease.ID, generation int64, token Token) (Hold, error) {
	dir, err := Path(name)
	if err != nil {
		return Hold{}, err
	}
	owner, err := l.sessions.Attached(session, generation)
	if err != nil {
		return Hold{}, err
	}
	a := &attempt{request: Request{Name: name, Session: session}, dir: dir, session: session, owner: owner}
	if err := l.store.Find(ctx, func(t *znode.Tree, _ int64) bool { return l.find(t, a, token, "") }); err != nil {
		return Hold{}, err
	}
	if a.path == "" {
		return Hold{}, l.notHeld(name, a.place(), token)
	}
	switch modeOf(a.path) {
	case ModeRead:
		a.repeated = true
		return l.standing(a)
	case ModeExclusive:
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
		return Hold{}, l.notHeld(name, a.place(), Token(a.stat.Czxid))
	case out.Code != znode.OK:
		return Hold{}, l.codeError(out.Code, session)
	}
	a.took(&out)
	return l.standing(a)
}
