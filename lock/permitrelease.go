package lock

import (
	"context"
	"fmt"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// ReleasePermits gives up all permits of a hold, or a place in the queue: those of the token or of
// the request id or, if there is neither, the session's oldest. It can be repeated as [Locker.Release]
// can, and has its errors. A forced release needs a token.
func (l *Locker) ReleasePermits(ctx context.Context, r Release) (Done, error) {
	dir, err := Path(r.Name)
	if err != nil {
		return Done{}, err
	}
	if r.Force {
		return l.forcePermits(ctx, dir, r)
	}
	if r.Session == 0 {
		return Done{}, &lease.InputError{Field: "session", Problem: "is missing", Fix: "send the session that the acquire returned, or use force"}
	}
	owner, err := l.sessions.Attached(r.Session, r.Generation)
	if err != nil {
		return Done{}, err
	}
	c := &claim{request: PermitRequest{Request: Request{Name: r.Name, Session: r.Session, Generation: r.Generation}}, semaphore: dir, session: r.Session, owner: owner}
	if err := l.store.Find(ctx, func(t *znode.Tree, _ int64) bool { return c.find(t, r.Token, r.RequestID) }); err != nil {
		return Done{}, err
	}
	if c.path == "" {
		return l.released(r.Name, c.place(), r.Token)
	}
	return l.removePermits(ctx, c)
}

// find looks for the session's permits, or place, of a token or a request id, or else the oldest.
func (c *claim) find(t *znode.Tree, token Token, requestID string) bool {
	take := func(n *znode.Node) bool {
		if n == nil || token != 0 && n.Czxid() != int64(token) {
			return false
		}
		c.path, c.stat = n.Path(), n.Stat()
		c.id, _ = permitID(n.Name())
		if s, ok := t.Session(c.session); ok {
			c.oneShot, c.ttl = s.OneShot, s.TTL
		}
		return true
	}
	if requestID != "" {
		c.id = protect(requestID)
		n, _ := c.look(t)
		return take(n)
	}
	for _, dir := range []string{znode.SemaphoreLeases(c.semaphore), znode.SemaphoreLocks(c.semaphore)} {
		var best *znode.Node
		for path := range t.Ephemerals(c.session) {
			parent, name := znode.Split(path)
			if _, ours := permitID(name); parent != dir || !ours {
				continue
			}
			n, _ := t.Get(path)
			if token != 0 {
				if take(n) {
					return true
				}
			} else if best == nil || n.Czxid() < best.Czxid() {
				best = n
			}
		}
		if take(best) {
			return true
		}
	}
	return false
}

// removePermits gives up a claim.
func (l *Locker) removePermits(ctx context.Context, c *claim) (Done, error) {
	r := &znode.Request{Session: c.session, Owner: c.owner, Ops: []znode.Op{{
		Kind: znode.OpReleasePermits, Path: c.semaphore, Protected: c.id, Version: -1,
	}}}
	if c.oneShot {
		r.Ops = []znode.Op{{Kind: znode.OpClose}}
	}
	token := Token(c.stat.Czxid)
	out, err := l.store.Do(ctx, r)
	switch {
	case err != nil:
		return Done{}, err
	case out.Code == znode.ErrNoNode, out.Code == znode.ErrSessionExpired && l.remembers(c.hold()):
		return l.released(c.request.Name, c.place(), token)
	case out.Code != znode.OK:
		return Done{}, l.codeError(out.Code, c.session)
	}
	return Done{Name: c.request.Name, Token: token, Revision: out.Revision}, nil
}

// forcePermits takes the permits of a token from whoever has them, or its place in the queue.
func (l *Locker) forcePermits(ctx context.Context, dir string, r Release) (Done, error) {
	if r.Token == 0 {
		return Done{}, &lease.InputError{Field: "token", Problem: "is missing", Fix: "give the token of the hold to end, as the semaphore's view shows it"}
	}
	found := ""
	err := l.store.Find(ctx, func(t *znode.Tree, _ int64) bool {
		for _, d := range []string{znode.SemaphoreLeases(dir), znode.SemaphoreLocks(dir)} {
			parent, ok := t.Get(d)
			if !ok {
				continue
			}
			for n := range parent.Children() {
				if n.Czxid() == int64(r.Token) {
					found = n.Path()
					return true
				}
			}
		}
		return false
	})
	switch {
	case err != nil:
		return Done{}, err
	case found == "":
		return Done{}, ErrNotHeld
	}
	out, err := l.store.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpDelete, Path: found, Version: -1, Czxid: int64(r.Token), Note: r.Reason}}})
	switch {
	case err != nil:
		return Done{}, err
	case out.Code == znode.ErrNoNode:
		return Done{}, ErrNotHeld
	case out.Code != znode.OK:
		return Done{}, out.Code
	}
	return Done{Name: r.Name, Token: r.Token, Revision: out.Revision}, nil
}

// KeepPermits touches a session and tells how its hold of a token stands; with token 0 its oldest
// hold or else its oldest place. Errors are as those of [Locker.KeepAlive].
func (l *Locker) KeepPermits(ctx context.Context, name string, session lease.ID, generation int64, token Token) (Hold, error) {
	dir, err := Path(name)
	if err != nil {
		return Hold{}, err
	}
	touched, err := l.sessions.Touch(ctx, session, generation)
	if err != nil {
		return Hold{}, err
	}
	c := &claim{request: PermitRequest{Request: Request{Name: name}}, semaphore: dir, session: session, revision: touched.Revision}
	if err := l.store.Find(ctx, func(t *znode.Tree, _ int64) bool { return c.find(t, token, "") }); err != nil {
		return Hold{}, err
	}
	if c.path == "" {
		return Hold{}, l.notHeld(name, c.place(), token)
	}
	h, err := l.claimed(c)
	if err == nil {
		h.Deadline = touched.Deadline
	}
	return h, err
}

// SetLimit says how many permits a semaphore has. Raising it grants to those who wait at once;
// lowering it takes nothing away, but nothing is granted until enough has come back.
func (l *Locker) SetLimit(ctx context.Context, name string, limit int) (LimitSet, error) {
	dir, err := Path(name)
	if err != nil {
		return LimitSet{}, err
	}
	if limit < 1 || limit > maxLimit {
		return LimitSet{}, &lease.InputError{Field: "limit", Problem: fmt.Sprintf("is %d, not a number from 1 to %d", limit, maxLimit), Fix: "say how many permits there are"}
	}
	out, err := l.store.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpSetPermits, Path: dir, Permits: znode.SemaphoreOp{Limit: int32(limit)}}}})
	switch {
	case err != nil:
		return LimitSet{}, err
	case out.Code != znode.OK:
		return LimitSet{}, l.codeError(out.Code, 0)
	}
	return LimitSet{Name: name, Limit: limit, Revision: out.Revision}, nil
}
