package httpapi

import (
	"time"

	"github.com/lockkeeper/lockkeeper/lock"
)

// getDeadlocks answers the cycles of waits that there are.
func (c *call) getDeadlocks() error {
	_, fresh, limit, err := c.page()
	if err != nil {
		return err
	}
	ctx, err := c.taking(longPage+1, &fresh) // it looks at every wait, however few it answers
	if err != nil {
		return err
	}
	d, err := c.api.cfg.Locks.Deadlocks(ctx, limit, fresh)
	if err != nil {
		return err
	}
	o := c.begin()
	o.array("deadlocks", len(d.Cycles), func(i int) {
		cycle := &d.Cycles[i]
		o.open()
		o.links("cycle", cycle.Links)
		o.num("actors", int64(cycle.Actors))
		o.instant("since", cycle.Since)
		o.close()
	})
	o.num("total", int64(d.Total))
	o.limit(d.Limit)
	return c.ok(d.Revision)
}

// getBlockers answers who keeps a session, or a ticket, from a lock.
func (c *call) getBlockers() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	q, fresh, err := c.read("session", "ticket")
	if err != nil {
		return err
	}
	session, err := sessionOf(q, "session")
	if err != nil {
		return err
	}
	ticket, err := within("ticket", q.Get("ticket"), 2*c.api.limits.MaxNameBytes)
	if err != nil {
		return err
	}
	if session != 0 && ticket != "" {
		return badInput("ticket", "stands beside a session", "give one of them: a ticket says it all")
	}
	chain, err := c.api.cfg.Locks.Blockers(c.bounded(), name, session, ticket, fresh)
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", chain.Name)
	o.links("chain", chain.Links)
	o.flag("cycle", chain.Cycle)
	o.limit(chain.Limit)
	return c.ok(chain.Revision)
}

// links writes a cycle or a chain.
func (o *answer) links(name string, list []lock.Link) {
	o.array(name, len(list), func(i int) {
		k := &list[i]
		o.open()
		o.session("session", k.Session)
		o.text("owner", k.Owner)
		o.text("door", k.Door)
		o.stand("holds", &k.Holds)
		o.stand("waits", &k.Waits)
		o.close()
	})
}

func (o *answer) stand(name string, s *lock.Stand) {
	if s.Name == "" {
		return
	}
	o.key(name)
	o.open()
	o.str("name", s.Name)
	o.token("token", s.Token)
	o.str("state", string(s.State))
	o.instant("since", s.Since)
	o.close()
}

// limit writes that a look was not complete, where that is so.
func (o *answer) limit(n int) {
	if n > 0 {
		o.num("search_limit", int64(n))
	}
}

// wait writes how somebody's wait stands.
func (o *answer) wait(c *lock.Contender) {
	if c.State != lock.Waiting || c.Position == 0 {
		return
	}
	o.num("ahead", int64(c.Position))
	o.expected(c.ExpectedWait)
}

// expected writes what a wait may last, where anything is known.
func (o *answer) expected(d time.Duration) {
	if d > 0 {
		o.span("expected_wait", d)
	}
}
