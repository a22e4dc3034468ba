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
	if err := in.oneSession("hold"); err != nil {
		return lock.Request{}, err
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
	ctx, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.Acquire(ctx, r, in.wait))
}

func (c *call) enqueue() error {
	r, _, err := c.request(acquireFields)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.Enqueue(c.bounded(), r))
}

// holder reads a request of a session for what it has of the name in the path.
func (c *call) holder(more field) (name string, in input, err error) {
	if name, err = c.name(); err != nil {
		return name, in, err
	}
	if in, err = c.input(fieldSession | fieldGeneration | more); err != nil {
		return name, in, err
	}
	return name, in, in.needSession()
}

func (c *call) keepAlive() error {
	name, in, err := c.holder(0)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.KeepAlive(c.bounded(), name, in.session, in.generation))
}

func (c *call) release() error {
	r, err := c.releaseInput("give the session that acquire answered, or force to take the lock from whoever holds it")
	if err != nil {
		return err
	}
	return c.sendDone(c.api.cfg.Locks.Release(c.bounded(), r))
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
	_, fresh, limit, err := c.page()
	if err != nil {
		return err
	}
	ctx, err := c.taking(limit, &fresh)
	if err != nil {
		return err
	}
	view, err := c.api.cfg.Locks.Queue(ctx, name, limit, fresh)
	if err != nil {
		return err
	}
	o := c.begin()
	o.contenders("waiters", o.lockFields(&view))
	return c.ok(view.Revision)
}

func (c *call) listLocks() error {
	q, fresh, limit, err := c.page("prefix", "after")
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
	ctx, err := c.taking(limit, &fresh)
	if err != nil {
		return err
	}
	page, err := c.api.cfg.Locks.List(ctx, prefix, after, limit, fresh)
	if err != nil {
		return err
	}
	o := c.begin()
	o.array("locks", len(page.Locks), func(i int) {
		o.open()
		o.lockFields(&page.Locks[i])
		o.close()
	})
	o.text("next", page.Next)
	return c.ok(page.Revision)
}

// sendHold answers with a hold, or passes on the error in its place.
func (c *call) sendHold(h lock.Hold, err error) error {
	if err != nil {
		return err
	}
	c.begin().holdFields(&h)
	return c.reply(holdStatus(h.State), h.Revision)
}

// holdStatus is 202 while a hold is still a place in the queue.
func holdStatus(s lock.State) int {
	if s == lock.Waiting {
		return http.StatusAccepted
	}
	return http.StatusOK
}

// sendDone answers what a release came to, or passes on the error in its place.
func (c *call) sendDone(d lock.Done, err error) error {
	if err != nil {
		return err
	}
	c.begin().done(&d)
	return c.ok(d.Revision)
}
