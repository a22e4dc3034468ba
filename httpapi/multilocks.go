package httpapi

import "github.com/lockkeeper/lockkeeper/lock"

// downgrade turns a writer's hold into a reader's.
func (c *call) downgrade() error {
	name, in, err := c.holder(fieldToken)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.Downgrade(c.bounded(), name, in.session, in.generation, in.token))
}

// acquireAll takes several locks, all or none.
func (c *call) acquireAll() error {
	in, err := c.input(acquireFields&^fieldReentrant | fieldWait | fieldLocks)
	if err != nil {
		return err
	}
	r, err := in.lockRequest("")
	if err != nil {
		return err
	}
	ctx, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	holds, err := c.api.cfg.Locks.AcquireAll(ctx, in.names, r, in.wait)
	if err != nil {
		return err
	}
	o, revision := c.begin(), int64(0)
	o.array("holds", len(holds), func(i int) {
		h := &holds[i]
		o.open()
		o.holdFields(h)
		o.num("revision", h.Revision)
		o.close()
		revision = max(revision, h.Revision)
	})
	return c.ok(revision)
}

// releaseAll gives several locks back.
func (c *call) releaseAll() error {
	in, err := c.input(fieldSession | fieldGeneration | fieldToken | fieldRequestID | fieldLocks)
	if err != nil {
		return err
	}
	if err := in.needSession(); err != nil {
		return err
	}
	dones, err := c.api.cfg.Locks.ReleaseAll(c.bounded(), in.names, lock.Release{
		Session: in.session, Generation: in.generation, Token: in.token, RequestID: in.requestID,
	})
	if err != nil {
		return err
	}
	o, revision := c.begin(), int64(0)
	o.array("released", len(dones), func(i int) {
		d := &dones[i]
		o.open()
		o.done(d)
		o.num("revision", d.Revision)
		o.close()
		revision = max(revision, d.Revision)
	})
	return c.ok(revision)
}
