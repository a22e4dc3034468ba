package httpapi

import "github.com/lockkeeper/lockkeeper/lock"

// checkFence passes a token that is not below the highest that the fence has seen, and
// remembers it.
func (c *call) checkFence() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	in, err := c.input(fieldToken)
	if err != nil {
		return err
	}
	if in.token == 0 {
		return badInput("token", "is missing", "give the token that acquire answered")
	}
	ctx, cancel := c.bounded()
	defer cancel()
	f, err := c.api.cfg.Locks.CheckFence(ctx, name, in.token)
	if err != nil {
		return err
	}
	return c.sendFence(&f)
}

func (c *call) getFence() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	q, err := c.query(paramConsistency, paramMinRevision)
	if err != nil {
		return err
	}
	fresh, err := freshness(q)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	f, err := c.api.cfg.Locks.Fence(ctx, name, fresh)
	if err != nil {
		return err
	}
	return c.sendFence(&f)
}

func (c *call) sendFence(f *lock.Fence) error {
	o := &c.out
	o.reset()
	o.open()
	o.str("name", f.Name)
	o.num("highest", int64(f.Token))
	o.num("revision", f.Revision)
	o.close()
	return c.ok(f.Revision)
}
