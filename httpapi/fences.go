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
	return c.sendFence(c.api.cfg.Locks.CheckFence(c.bounded(), name, in.token))
}

func (c *call) getFence() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	_, fresh, err := c.read()
	if err != nil {
		return err
	}
	return c.sendFence(c.api.cfg.Locks.Fence(c.bounded(), name, fresh))
}

// sendFence answers what a fence has seen, or passes on the error in its place.
func (c *call) sendFence(f lock.Fence, err error) error {
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", f.Name)
	o.num("highest", int64(f.Token))
	return c.ok(f.Revision)
}
