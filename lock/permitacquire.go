package lock

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// AcquirePermits asks for permits, which are given all together, and waits for them: not at all when
// wait is 0, without limit when it is negative. When the time runs out the error is a
// [*PermitsError] that matches ErrNoPermits, and the place in the queue is given up; so it is when
// ctx ends. The hold's Token is that of all its permits. Its Deadline is as that of [Locker.Acquire].
func (l *Locker) AcquirePermits(ctx context.Context, r PermitRequest, wait time.Duration) (Hold, error) {
	c, err := l.claim(ctx, r, wait == 0)
	if err != nil {
		return Hold{}, err
	}
	if wait != 0 {
		return l.awaitPermits(ctx, c, wait)
	}
	h, err := l.claimed(c)
	if err == nil && h.State != Held {
		return Hold{}, l.permitsBusy(c) // a repeated request that came by another way
	}
	return h, err
}

// EnqueuePermits takes permits or a place in the queue, without waiting. The answer's Ticket is for
// Await and Leave; its State says whether the permits are held already. The Token of a place is not
// yet that of the hold.
func (l *Locker) EnqueuePermits(ctx context.Context, r PermitRequest) (Hold, error) {
	c, err := l.claim(ctx, r, false)
	if err != nil {
		return Hold{}, err
	}
	return l.claimed(c)
}

// claim sends a request for permits and takes its outcome.
func (l *Locker) claim(ctx context.Context, r PermitRequest, try bool) (*claim, error) {
	dir, err := Path(r.Name)
	if err != nil {
		return nil, err
	}
	if err := l.validatePermits(&r); err != nil {
		return nil, err
	}
	c := &claim{request: r, semaphore: dir, session: r.Session, retry: r.RequestID != "", id: protect(r.RequestID)}
	n := note{Owner: r.Owner, Reason: r.Reason, Metadata: r.Metadata, Door: r.Door, Permits: c.count()}
	data, err := n.encode()
	if err != nil {
		return nil, err
	}
	if !try && l.full(znode.SemaphoreLocks(dir)) {
		return nil, ErrTooManyWaiters
	}
	ops := make([]znode.Op, 0, 2)
	if c.session == 0 {
		c.oneShot = true
		record, err := l.oneShot(ctx, &r.Request, "semaphore\x00"+r.Name)
		if err != nil {
			return nil, err
		}
		c.session, c.ttl = record.ID, record.TTL
		ops = append(ops, znode.Op{Kind: znode.OpOpen, Session: record})
	}
	ops = append(ops, znode.Op{
		Kind: znode.OpAcquirePermits, Path: dir, Data: data, ACL: znode.OpenACL, Protected: c.id,
		Permits: znode.SemaphoreOp{Count: int32(c.count()), Limit: int32(r.Limit), Try: try},
	})
	return c, l.proposeClaim(ctx, c, ops)
}

// proposeClaim is for permits what propose is for a lock.
func (l *Locker) proposeClaim(ctx context.Context, c *claim, ops []znode.Op) error {
	out, sent, err := l.send(ctx, &c.request.Request, c.session, ops, func(o znode.Outcome, err error) { l.dropLate(c, &o, err) })
	switch {
	case err != nil:
		return err
	case out.Code == znode.ErrSessionExists:
		return l.proposeClaim(ctx, c, ops[1:]) // a repeated request: go on in its session
	case out.Code != znode.OK:
		return l.permitsError(c, &out)
	}
	c.took(&out)
	c.sent = sent
	return nil
}

func (c *claim) took(out *znode.Outcome) {
	made := out.Results[len(out.Results)-1]
	c.path, c.stat, c.repeated, c.revision = made.Path, made.Stat, made.Repeated, out.Revision
}

// permitsError makes the error of a refusal.
func (l *Locker) permitsError(c *claim, out *znode.Outcome) error {
	kind := permitCodes[out.Code]
	if kind == nil {
		return l.codeError(out.Code, c.session)
	}
	e := l.permitsBusy(c)
	e.Err, e.Revision = kind, out.Revision
	if told := int(out.Results[out.Failed].Token); out.Code == znode.ErrNoPermits {
		e.InUse = told
	} else {
		e.Limit = told
	}
	return e
}

// permitsBusy makes the error of a claim that has not been granted, as this member's tree has it.
func (l *Locker) permitsBusy(c *claim) *PermitsError {
	e := &PermitsError{Err: ErrNoPermits, Name: c.request.Name, Permits: c.count(), Asked: c.request.Limit}
	l.store.View(func(t *znode.Tree, revision int64) {
		e.Revision = revision
		e.Limit, e.InUse = usage(t, c.semaphore)
		if locks, ok := t.Get(znode.SemaphoreLocks(c.semaphore)); ok {
			e.Waiting = locks.NumContenders()
		}
	})
	return e
}

// usage returns a semaphore's limit and how many permits are in use.
func usage(t *znode.Tree, semaphore string) (limit, inUse int) {
	if n, ok := t.Get(znode.SemaphoreLimit(semaphore)); ok {
		limit = int(znode.ParseLimit(n.Data()))
	}
	if n, ok := t.Get(znode.SemaphoreLeases(semaphore)); ok {
		inUse = n.NumChildren()
	}
	return limit, inUse
}

// look finds the claim's first permit, or else its place in the queue, in the tree.
func (c *claim) look(t *znode.Tree) (n *znode.Node, held bool) {
	for _, dir := range []string{znode.SemaphoreLeases(c.semaphore), znode.SemaphoreLocks(c.semaphore)} {
		if path, ok := t.OwnChild(c.session, dir, "_c_"+c.id+"-"); ok {
			n, _ = t.Get(path)
			return n, dir == znode.SemaphoreLeases(c.semaphore)
		}
	}
	return nil, false
}

// claimed tells how a claim stands in this member's tree.
func (l *Locker) claimed(c *claim) (Hold, error) {
	var h Hold
	found := false
	l.store.View(func(t *znode.Tree, _ int64) {
		n, held := c.look(t)
		if n == nil {
			return
		}
		found = true
		h = permitHold(t, n, held)
		h.Revision = c.revision
	})
	if !found {
		return Hold{}, l.gone(c.request.Name, c.place(), Token(c.stat.Czxid))
	}
	h.Repeated = c.repeated
	if c.sent != 0 {
		h.Deadline = lease.Deadline(c.sent, h.TTL)
	}
	return h, nil
}
