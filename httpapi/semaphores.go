package httpapi

import "github.com/lockkeeper/lockkeeper/lock"

// What acquire and enqueue of permits take; acquire takes a wait besides.
const permitFields = fieldSession | fieldGeneration | fieldTTL | fieldOwner | fieldReason | fieldRequestID | fieldLabels | fieldMetadata | fieldPermits | fieldLimit

// permits writes a number of permits, which locks have not.
func (o *answer) permits(n int) {
	if n > 0 {
		o.num("permits", int64(n))
	}
}

// permitRequest reads a request for permits of the semaphore that the path names.
func (c *call) permitRequest(fields field) (lock.PermitRequest, input, error) {
	r, in, err := c.request(fields)
	return lock.PermitRequest{Request: r, Permits: in.permits, Limit: in.limit}, in, err
}

func (c *call) acquirePermits() error {
	r, in, err := c.permitRequest(permitFields | fieldWait)
	if err != nil {
		return err
	}
	ctx, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.AcquirePermits(ctx, r, in.wait))
}

func (c *call) enqueuePermits() error {
	r, _, err := c.permitRequest(permitFields)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.EnqueuePermits(c.bounded(), r))
}

func (c *call) keepPermits() error {
	name, in, err := c.holder(fieldToken)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.KeepPermits(c.bounded(), name, in.session, in.generation, in.token))
}

func (c *call) releasePermits() error {
	r, err := c.releaseInput("give the session that acquire answered, or force and the token of a hold to end it")
	if err != nil {
		return err
	}
	return c.sendDone(c.api.cfg.Locks.ReleasePermits(c.bounded(), r))
}

func (c *call) getSemaphore() error {
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
	view, err := c.api.cfg.Locks.Semaphore(ctx, name, 0, limit, fresh)
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", view.Name)
	o.num("limit", int64(view.Limit))
	o.num("in_use", int64(view.InUse))
	o.num("holding", int64(view.Holding))
	o.num("waiting", int64(view.Waiting))
	o.contenders("holders", view.Holders)
	o.contenders("waiters", view.Waiters)
	return c.ok(view.Revision)
}

func (c *call) setLimit() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	in, err := c.input(fieldLimit)
	if err != nil {
		return err
	}
	if in.limit == 0 {
		return badInput("limit", "is missing", `say how many permits there are, as in {"limit": 3}`)
	}
	set, err := c.api.cfg.Locks.SetLimit(c.bounded(), name, in.limit)
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", set.Name)
	o.num("limit", int64(set.Limit))
	return c.ok(set.Revision)
}
