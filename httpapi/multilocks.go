package httpapi

import (
	"net/http"

	"github.com/lockkeeper/lockkeeper/lock"
)

// downgrade turns a writer's hold into a reader's.
func (c *call) downgrade() error {
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
	h, err := c.api.cfg.Locks.Downgrade(ctx, name, in.session, in.generation, in.token)
	if err != nil {
		return err
	}
	return c.sendHold(&h)
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
	ctx, cancel, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	defer cancel()
	holds, err := c.api.cfg.Locks.AcquireAll(ctx, in.names, r, in.wait)
	if err != nil {
		return whyEnded(ctx, err)
	}
	o := &c.out
	o.reset()
	o.open()
	o.key("holds")
	o.b = append(o.b, '[')
	revision := int64(0)
	for i := range holds {
		o.comma()
		o.open()
		o.holdFields(&holds[i])
		o.close()
		revision = max(revision, holds[i].Revision)
	}
	o.b = append(o.b, ']')
	o.num("revision", revision)
	o.close()
	c.send(http.StatusOK, jsonType, revision)
	return nil
}

// releaseAll gives several locks back.
func (c *call) releaseAll() error {
	in, err := c.input(fieldSession | fieldGeneration | fieldToken | fieldRequestID | fieldLocks)
	if err != nil {
		return err
	}
	if in.session == 0 {
		return badInput("session", "is missing", "give the session that acquire answered")
	}
	ctx, cancel := c.bounded()
	defer cancel()
	dones, err := c.api.cfg.Locks.ReleaseAll(ctx, in.names, lock.Release{
		Session: in.session, Generation: in.generation, Token: in.token, RequestID: in.requestID,
	})
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.key("released")
	o.b = append(o.b, '[')
	revision := int64(0)
	for i := range dones {
		o.comma()
		o.done(&dones[i])
		revision = max(revision, dones[i].Revision)
	}
	o.b = append(o.b, ']')
	o.num("revision", revision)
	o.close()
	return c.ok(revision)
}
