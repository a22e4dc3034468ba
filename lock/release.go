package lock

import (
	"context"
	"strings"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Release gives up a hold, or a place in the queue. Repeating it is safe: what this session has
// released before is answered as Repeated, for as long as the member remembers. Errors are
// ErrNotHeld, a [*HoldLostError] where the hold was taken away, and a [*lease.LostError].
func (l *Locker) Release(ctx context.Context, r Release) (Done, error) {
	dir, err := Path(r.Name)
	if err != nil {
		return Done{}, err
	}
	if r.Force {
		return l.force(ctx, dir, r)
	}
	if r.Session == 0 {
		return Done{}, &lease.InputError{Field: "session", Problem: "is missing", Fix: "send the session that the acquire returned, or use force"}
	}
	owner, err := l.sessions.Attached(r.Session, r.Generation)
	if err != nil {
		return Done{}, err
	}
	a := &attempt{request: Request{Name: r.Name, Session: r.Session, Generation: r.Generation}, dir: dir, session: r.Session}
	token := l.Successor(r.Name, r.Token)
	err = l.store.Find(ctx, func(t *znode.Tree, _ int64) bool {
		return l.find(t, a, token, r.RequestID) || r.RequestID != "" && l.findEntered(t, a, r.RequestID)
	})
	if err != nil {
		return Done{}, err
	}
	if a.path == "" {
		return l.released(r.Name, a.place(), token)
	}
	a.owner = owner
	if d, reentrant, err := l.releaseEntry(ctx, a, r.RequestID); reentrant {
		return d, err
	}
	return l.remove(ctx, a, false)
}

// find looks for the session's contender: that of a token or a request id, or else its first.
func (l *Locker) find(t *znode.Tree, a *attempt, token Token, requestID string) bool {
	prefix := "_c_"
	if requestID != "" {
		prefix += protect(requestID) + "-"
	}
	take := func(path string) bool {
		n, ok := t.Get(path)
		if !ok || token != 0 && n.Czxid() != int64(token) {
			return false
		}
		a.path, a.stat = path, n.Stat()
		if s, ok := t.Session(a.session); ok {
			a.oneShot, a.ttl = s.OneShot, s.TTL
		}
		return true
	}
	if path, ok := t.OwnChild(a.session, a.dir, prefix); ok && (token != 0 || requestID != "" || holds(t, path)) && take(path) {
		return true
	}
	// Several of the session's: the one with the token, or the one that holds, or the oldest.
	best := ""
	for path := range t.Ephemerals(a.session) {
		dir, name := znode.Split(path)
		if _, contender := znode.Contender(name); dir != a.dir || !contender || !strings.HasPrefix(name, prefix) {
			continue
		}
		if token != 0 {
			if take(path) {
				return true
			}
			continue
		}
		if best == "" || earlier(t, path, best) {
			best = path
		}
	}
	return best != "" && take(best)
}

func earlier(t *znode.Tree, a, b string) bool {
	x, _ := t.Get(a)
	y, _ := t.Get(b)
	return x.Czxid() < y.Czxid()
}

// remove deletes an attempt's contender; force, whoever owns it.
func (l *Locker) remove(ctx context.Context, a *attempt, force bool) (Done, error) {
	r := &znode.Request{Session: a.session, Owner: a.owner, Ops: []znode.Op{{Kind: znode.OpDelete, Path: a.path, Version: -1, Czxid: a.stat.Czxid, Own: true}}}
	switch {
	case force:
		r.Session, r.Owner, r.Ops[0].Own = 0, znode.Owner{}, false
		r.Ops[0].Note = a.request.Reason
	case a.oneShot:
		r.Ops = []znode.Op{{Kind: znode.OpClose}}
	}
	out, err := l.store.Do(ctx, r)
	switch {
	case err != nil:
		return Done{}, err
	case out.Code == znode.ErrNoNode && l.moved(a):
		return l.remove(ctx, a, force) // handed over while this was on its way: this member lagged
	case out.Code == znode.ErrNoNode, out.Code == znode.ErrSessionExpired && l.remembers(a.hold()):
		return l.released(a.request.Name, a.place(), Token(a.stat.Czxid))
	case out.Code != znode.OK:
		return Done{}, l.codeError(out.Code, a.session)
	}
	return Done{Name: a.request.Name, Token: Token(a.stat.Czxid), Revision: out.Revision}, nil
}

// force takes a lock from whoever holds it, or a place in the queue by its token.
func (l *Locker) force(ctx context.Context, dir string, r Release) (Done, error) {
	a := &attempt{request: Request{Name: r.Name, Reason: r.Reason}, dir: dir}
	err := l.store.Find(ctx, func(t *znode.Tree, _ int64) bool {
		n, ok := t.Get(dir)
		if !ok {
			return false
		}
		for name := range n.Contenders() {
			if c, ok := t.Get(znode.Join(dir, name)); ok && (r.Token == 0 || c.Czxid() == int64(r.Token)) {
				a.path, a.stat, a.session = c.Path(), c.Stat(), c.Owner()
				return true
			}
		}
		return false
	})
	if err != nil {
		return Done{}, err
	}
	if a.path == "" {
		return Done{}, ErrNotHeld
	}
	return l.remove(ctx, a, true)
}

// KeepAlive touches the session of a contender and tells how it stands. The error is ErrNotHeld
// where the session neither holds nor waits, a [*HoldLostError] where that was taken away, and
// a [*lease.LostError] where the session is over.
func (l *Locker) KeepAlive(ctx context.Context, name string, session lease.ID, generation int64) (Hold, error) {
	dir, err := Path(name)
	if err != nil {
		return Hold{}, err
	}
	touched, err := l.sessions.Touch(ctx, session, generation)
	if err != nil {
		return Hold{}, err
	}
	a := &attempt{request: Request{Name: name}, dir: dir, session: session, revision: touched.Revision}
	err = l.store.Find(ctx, func(t *znode.Tree, _ int64) bool { return l.find(t, a, 0, "") })
	if err != nil {
		return Hold{}, err
	}
	if a.path == "" {
		return Hold{}, l.notHeld(name, a.place(), 0)
	}
	h, err := l.standing(a)
	if err == nil {
		h.Deadline = touched.Deadline
	}
	return h, err
}
