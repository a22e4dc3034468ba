package httpapi

import (
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// getDeadlocks answers the cycles of waits that there are.
func (c *call) getDeadlocks() error {
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
	ctx, cancel := c.bounded()
	defer cancel()
	done, err := c.api.turn(ctx, longPage+1, &fresh) // it looks at every wait, however few it answers
	if err != nil {
		return err
	}
	d, err := c.api.cfg.Locks.Deadlocks(ctx, limit, fresh)
	done()
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.key("deadlocks")
	o.b = append(o.b, '[')
	for i := range d.Cycles {
		cycle := &d.Cycles[i]
		o.comma()
		o.open()
		o.links("cycle", cycle.Links)
		o.num("actors", int64(cycle.Actors))
		o.instant("since", cycle.Since)
		o.close()
	}
	o.b = append(o.b, ']')
	o.num("total", int64(d.Total))
	o.limit(d.Limit)
	o.num("revision", d.Revision)
	o.close()
	return c.ok(d.Revision)
}

// getBlockers answers who keeps a session, or a ticket, from a lock.
func (c *call) getBlockers() error {
	name, err := c.name()
	if err != nil {
		return err
	}
	q, err := c.query("session", "ticket", paramConsistency, paramMinRevision)
	if err != nil {
		return err
	}
	fresh, err := freshness(q)
	if err != nil {
		return err
	}
	var session lease.ID
	if text := q.Get("session"); text != "" {
		if session, err = lease.ParseID("session", text); err != nil {
			return err
		}
	}
	ticket, err := within("ticket", q.Get("ticket"), 2*c.api.limits.MaxNameBytes)
	if err != nil {
		return err
	}
	if session != 0 && ticket != "" {
		return badInput("ticket", "stands beside a session", "give one of them: a ticket says it all")
	}
	ctx, cancel := c.bounded()
	defer cancel()
	chain, err := c.api.cfg.Locks.Blockers(ctx, name, session, ticket, fresh)
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.str("name", chain.Name)
	o.links("chain", chain.Links)
	o.flag("cycle", chain.Cycle)
	o.limit(chain.Limit)
	o.num("revision", chain.Revision)
	o.close()
	return c.ok(chain.Revision)
}

// links writes a cycle or a chain.
func (o *answer) links(name string, list []lock.Link) {
	o.key(name)
	o.b = append(o.b, '[')
	for i := range list {
		k := &list[i]
		o.comma()
		o.open()
		o.session("session", k.Session)
		o.text("owner", k.Owner)
		o.text("door", k.Door)
		o.stand("holds", &k.Holds)
		o.stand("waits", &k.Waits)
		o.close()
	}
	o.b = append(o.b, ']')
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
	if c.State != lock.Waiting {
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
