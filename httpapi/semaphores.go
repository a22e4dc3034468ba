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
	ctx, cancel, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	defer cancel()
	h, err := c.api.cfg.Locks.AcquirePermits(ctx, r, in.wait)
	if err != nil {
		return whyEnded(ctx, err)
	}
	return c.sendHold(&h)
}

func (c *call) enqueuePermits() error {
	r, _, err := c.permitRequest(permitFields)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	h, err := c.api.cfg.Locks.EnqueuePermits(ctx, r)
	if err != nil {
		return err
	}
	return c.sendHold(&h)
}

func (c *call) keepPermits() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	in, err := c.input(fieldSession | fieldGeneration | fieldToken)
	if err != nil {
		return err
	}
	if in.session == 0 {
		return badInput("session", "is missing", "give the session that acquire answered")
	}
	ctx, cancel := c.bounded()
	defer cancel()
	h, err := c.api.cfg.Locks.KeepPermits(ctx, name, in.session, in.generation, in.token)
	if err != nil {
		return err
	}
	return c.sendHold(&h)
}

func (c *call) releasePermits() error {
	r, err := c.releaseInput("give the session that acquire answered, or force and the token of a hold to end it")
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	d, err := c.api.cfg.Locks.ReleasePermits(ctx, r)
	if err != nil {
		return err
	}
	return c.sendDone(&d)
}

func (c *call) getSemaphore() error {
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
	revision, err := c.makeSemaphore(name, limit, fresh)
	if err != nil {
		return err
	}
	return c.ok(revision)
}

// makeSemaphore makes the answer of getSemaphore.
func (c *call) makeSemaphore(name string, limit int, fresh lock.Read) (revision int64, err error) {
	ctx, cancel := c.bounded()
	defer cancel()
	done, err := c.api.turn(ctx, limit, &fresh)
	if err != nil {
		return 0, err
	}
	defer done()
	view, err := c.api.cfg.Locks.Semaphore(ctx, name, 0, limit, fresh)
	if err != nil {
		return 0, err
	}
	o := &c.out
	o.reset()
	o.open()
	o.str("name", view.Name)
	o.num("limit", int64(view.Limit))
	o.num("in_use", int64(view.InUse))
	o.num("holding", int64(view.Holding))
	o.num("waiting", int64(view.Waiting))
	o.contenders("holders", view.Holders)
	o.contenders("waiters", view.Waiters)
	o.num("revision", view.Revision)
	o.close()
	return view.Revision, nil
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
	ctx, cancel := c.bounded()
	defer cancel()
	set, err := c.api.cfg.Locks.SetLimit(ctx, name, in.limit)
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.str("name", set.Name)
	o.num("limit", int64(set.Limit))
	o.num("revision", set.Revision)
	o.close()
	return c.ok(set.Revision)
}
