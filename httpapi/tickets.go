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
	ctx, cancel, err := c.waiting(wait)
	if err != nil {
		return err
	}
	defer cancel()
	h, err := c.api.cfg.Locks.Await(ctx, ticket, wait)
	if err != nil {
		return whyEnded(ctx, err)
	}
	return c.sendHold(&h)
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
	ctx, cancel := c.bounded()
	defer cancel()
	d, err := c.api.cfg.Locks.Leave(ctx, ticket)
	if err != nil {
		return err
	}
	return c.sendDone(&d)
}
