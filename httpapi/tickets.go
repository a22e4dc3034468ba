package httpapi

import "time"

// await waits on a ticket. A wait that runs out is not an error: the place in the queue stays.
func (c *call) await() error {
	ticket, err := c.ticket()
	if err != nil {
		return err
	}
	q, err := c.query("wait")
	if err != nil {
		return err
	}
	var wait time.Duration
	if text := q.Get("wait"); text != "" {
		if wait, err = waitTime(&c.api.limits, "wait", text); err != nil {
			return err
		}
	}
	ctx, err := c.waiting(wait)
	if err != nil {
		return err
	}
	return c.sendHold(c.api.cfg.Locks.Await(ctx, ticket, wait))
}

// leave gives up a ticket's place in the queue, or its hold.
func (c *call) leave() error {
	ticket, err := c.ticket()
	if err != nil {
		return err
	}
	if err := c.nothingElse(); err != nil {
		return err
	}
	return c.sendDone(c.api.cfg.Locks.Leave(c.bounded(), ticket))
}
