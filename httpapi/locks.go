package httpapi

import (
	"net/http"

	"github.com/lockkeeper/lockkeeper/lock"
)

// door names this way in, in queue views and znodes.
const door = "rest"

// What acquire and enqueue take; acquire takes a wait besides.
const acquireFields = fieldSession | fieldGeneration | fieldTTL | fieldOwner | fieldReason | fieldRequestID | fieldLabels | fieldMetadata | fieldCompat | fieldMode | fieldLockDelay | fieldReentrant | fieldDeadlock

// request reads a request for the lock that the path names.
func (c *call) request(fields field) (lock.Request, input, error) {
	name, err := c.name()
	if err != nil {
		return lock.Request{}, input{}, err
	}
	in, err := c.input(fields)
	if err != nil {
		return lock.Request{}, input{}, err
	}
	r, err := in.lockRequest(name)
	return r, in, err
}

// lockRequest is the request for a lock that an input makes.
func (in *input) lockRequest(name string) (lock.Request, error) {
	if in.session != 0 && in.given&(fieldTTL|fieldLabels) != 0 {
		return lock.Request{}, badInput("session", "stands beside a ttl or labels, which only a new session has", "leave out session for a hold with a session of its own, or else ttl and labels")
	}
	return lock.Request{
		Name:       name,
		Session:    in.session,
		Generation: in.generation,
		TTL:        in.ttl,
		Labels:     in.labels,
		Owner:      in.owner,
		Reason:     in.reason,
		Metadata:   in.metadata,
		RequestID:  in.requestID,
		Door:       door,
		Compat:     in.compat,
		Mode:       in.mode,
		LockDelay:  in.lockDelay,
		Reentrant:  in.reentrant,
		Deadlock:   in.deadlock,
	}, nil
}

func (c *call) acquire() error {
	r, in, err := c.request(acquireFields | fieldWait)
	if err != nil {
		return err
	}
	ctx, cancel, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	defer cancel()
	h, err := c.api.cfg.Locks.Acquire(ctx, r, in.wait)
	if err != nil {
		return whyEnded(ctx, err)
	}
	return c.sendHold(&h)
}

func (c *call) enqueue() error {
	r, _, err := c.request(acquireFields)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	h, err := c.api.cfg.Locks.Enqueue(ctx, r)
	if err != nil {
		return err
	}
	return c.sendHold(&h)
}

func (c *call) keepAlive() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	in, err := c.input(fieldSession | fieldGeneration)
	if err != nil {
		return err
	}
	if in.session == 0 {
		return badInput("session", "is missing", "give the session that acquire answered")
	}
	ctx, cancel := c.bounded()
	defer cancel()
	h, err := c.api.cfg.Locks.KeepAlive(ctx, name, in.session, in.generation)
	if err != nil {
		return err
	}
	return c.sendHold(&h)
}

func (c *call) release() error {
	r, err := c.releaseInput("give the session that acquire answered, or force to take the lock from whoever holds it")
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	d, err := c.api.cfg.Locks.Release(ctx, r)
	if err != nil {
		return err
	}
	return c.sendDone(&d)
}

// releaseInput reads a release; fix says what to do without a session.
func (c *call) releaseInput(fix string) (lock.Release, error) {
	name, err := c.name()
	if err != nil {
		return lock.Release{}, err
	}
	in, err := c.input(fieldSession | fieldGeneration | fieldToken | fieldRequestID | fieldForce | fieldReason)
	if err != nil {
		return lock.Release{}, err
	}
	switch {
	case in.session == 0 && !in.force:
		return lock.Release{}, badInput("session", "is missing", fix)
	case in.reason != "" && !in.force:
		return lock.Release{}, badInput("reason", "is for a forced release only", "leave it out, or say force")
	}
	return lock.Release{
		Name:       name,
		Session:    in.session,
		Generation: in.generation,
		Token:      in.token,
		RequestID:  in.requestID,
		Force:      in.force,
		Reason:     in.reason,
	}, nil
}

func (c *call) getLock() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	q, err := c.query("limit", paramConsistency, paramMinRevision)
	if err != nil {
		return err
	}
	fresh, err := freshness(q)
	if err != nil {
		return err
	}
	limit, err := c.pageSize(q)
	if err != nil {
		return err
	}
	revision, err := c.makeLock(name, limit, fresh)
	if err != nil {
		return err
	}
	return c.ok(revision)
}

// makeLock makes the answer of getLock.
func (c *call) makeLock(name string, limit int, fresh lock.Read) (revision int64, err error) {
	ctx, cancel := c.bounded()
	defer cancel()
	done, err := c.api.turn(ctx, limit, &fresh)
	if err != nil {
		return 0, err
	}
	defer done()
	view, err := c.api.cfg.Locks.Queue(ctx, name, limit, fresh)
	if err != nil {
		return 0, err
	}
	o := &c.out
	o.reset()
	o.open()
	waiters := o.lockFields(&view)
	o.contenders("waiters", waiters)
	o.num("revision", view.Revision)
	o.close()
	return view.Revision, nil
}

func (c *call) listLocks() error {
	q, err := c.query("prefix", "after", "limit", paramConsistency, paramMinRevision)
	if err != nil {
		return err
	}
	fresh, err := freshness(q)
	if err != nil {
		return err
	}
	limit, err := c.pageSize(q)
	if err != nil {
		return err
	}
	prefix, err := c.prefix(q, "prefix")
	if err != nil {
		return err
	}
	after, err := c.prefix(q, "after")
	if err != nil {
		return err
	}
	revision, err := c.makeList(prefix, after, limit, fresh)
	if err != nil {
		return err
	}
	return c.ok(revision)
}

// makeList makes the answer of listLocks.
func (c *call) makeList(prefix, after string, limit int, fresh lock.Read) (revision int64, err error) {
	ctx, cancel := c.bounded()
	defer cancel()
	done, err := c.api.turn(ctx, limit, &fresh)
	if err != nil {
		return 0, err
	}
	defer done()
	page, err := c.api.cfg.Locks.List(ctx, prefix, after, limit, fresh)
	if err != nil {
		return 0, err
	}
	o := &c.out
	o.reset()
	o.open()
	o.key("locks")
	o.b = append(o.b, '[')
	for i := range page.Locks {
		o.comma()
		o.open()
		o.lockFields(&page.Locks[i])
		o.close()
	}
	o.b = append(o.b, ']')
	o.text("next", page.Next)
	o.num("revision", page.Revision)
	o.close()
	return page.Revision, nil
}

// sendHold answers with 202 while the hold is still a place in the queue.
func (c *call) sendHold(h *lock.Hold) error {
	o := &c.out
	o.reset()
	o.open()
	o.holdFields(h)
	o.close()
	status := http.StatusOK
	if h.State == lock.Waiting {
		status = http.StatusAccepted
	}
	c.send(status, jsonType, h.Revision)
	return nil
}

func (c *call) sendDone(d *lock.Done) error {
	o := &c.out
	o.reset()
	o.done(d)
	return c.ok(d.Revision)
}
