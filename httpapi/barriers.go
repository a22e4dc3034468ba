package httpapi

import (
	"errors"
	"net/http"

	"github.com/lockkeeper/lockkeeper/barrier"
)

// barrierName returns the barrier that the path names.
func (c *call) barrierName() (string, error) {
	if c.api.cfg.Barriers == nil {
		return "", errUnknownRoute
	}
	return c.name()
}

func (c *call) getBarrier() error {
	name, err := c.barrierName()
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
	s, err := c.api.cfg.Barriers.Look(ctx, name, fresh)
	if err != nil {
		return err
	}
	return c.sendBarrier(&s)
}

func (c *call) setBarrier() error {
	name, err := c.barrierName()
	if err != nil {
		return err
	}
	in, err := c.input(fieldOwner)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	s, err := c.api.cfg.Barriers.Set(ctx, name, in.owner, door)
	if err != nil {
		return err
	}
	return c.sendBarrier(&s)
}

func (c *call) removeBarrier() error {
	name, err := c.barrierName()
	if err != nil {
		return err
	}
	if _, err := c.input(0); err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	s, err := c.api.cfg.Barriers.Remove(ctx, name)
	if err != nil {
		return err
	}
	return c.sendBarrier(&s)
}

func (c *call) waitBarrier() error {
	name, err := c.barrierName()
	if err != nil {
		return err
	}
	in, err := c.input(fieldWait)
	if err != nil {
		return err
	}
	ctx, cancel, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	defer cancel()
	s, err := c.api.cfg.Barriers.Wait(ctx, name, in.wait, nil)
	if err != nil {
		return whyEnded(ctx, err)
	}
	return c.sendBarrier(&s)
}

func (c *call) sendBarrier(s *barrier.State) error {
	o := &c.out
	o.reset()
	o.open()
	o.str("name", s.Name)
	o.str("state", barrierState(!s.Closed))
	o.text("owner", s.Owner)
	o.instant("since", s.Since)
	if s.Repeated {
		o.flag("repeated", true)
	}
	o.num("revision", s.Revision)
	o.close()
	return c.ok(s.Revision)
}

func barrierState(open bool) string {
	if open {
		return "open"
	}
	return "closed"
}

func (c *call) enterBarrier() error {
	name, err := c.barrierName()
	if err != nil {
		return err
	}
	in, err := c.input(fieldSession | fieldGeneration | fieldTTL | fieldLabels | fieldWait | fieldOwner | fieldCount | fieldID)
	if err != nil {
		return err
	}
	switch {
	case in.session != 0 && in.given&(fieldTTL|fieldLabels) != 0:
		return badInput("session", "stands beside a ttl or labels, which only a new session has", "leave out session for a participant with a session of its own, or else ttl and labels")
	case in.count == 0:
		return badInput("count", "is missing", "say for how many participants the barrier opens, the same number by all")
	}
	ctx, cancel, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	defer cancel()
	p, err := c.api.cfg.Barriers.Enter(ctx, barrier.Entry{
		Name: name, ID: in.id, Session: in.session, Generation: in.generation, TTL: in.ttl, Labels: in.labels,
		Count: in.count, Owner: in.owner, Door: door,
	}, in.wait)
	if err != nil {
		return whyEnded(ctx, err)
	}
	return c.sendPlace(&p, http.StatusOK, "entered")
}

func (c *call) leaveBarrier() error {
	name, err := c.barrierName()
	if err != nil {
		return err
	}
	in, err := c.input(fieldSession | fieldGeneration | fieldWait | fieldID)
	if err != nil {
		return err
	}
	ctx, cancel, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	defer cancel()
	p, err := c.api.cfg.Barriers.Leave(ctx, barrier.Exit{Name: name, ID: in.id, Session: in.session, Generation: in.generation}, in.wait)
	if err != nil {
		return whyEnded(ctx, err)
	}
	status := http.StatusOK
	if p.Participants > 0 {
		status = http.StatusAccepted // others are still there
	}
	return c.sendPlace(&p, status, "left")
}

func (c *call) sendPlace(p *barrier.Place, status int, state string) error {
	o := &c.out
	o.reset()
	o.open()
	o.str("name", p.Name)
	o.str("id", p.ID)
	o.str("state", state)
	o.session("session", p.Session)
	if p.Count > 0 {
		o.num("count", int64(p.Count))
	}
	o.num("participants", int64(p.Participants))
	if p.TTL > 0 {
		o.span("ttl", p.TTL)
	}
	o.instant("deadline", p.Deadline)
	if p.OneShot {
		o.flag("one_shot", true)
	}
	if p.Repeated {
		o.flag("repeated", true)
	}
	o.num("revision", p.Revision)
	o.close()
	c.send(status, jsonType, p.Revision)
	return nil
}

func (c *call) getDoubleBarrier() error {
	name, err := c.barrierName()
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
	ctx, cancel := c.bounded()
	defer cancel()
	done, err := c.api.turn(ctx, limit, &fresh)
	if err != nil {
		return err
	}
	defer done()
	g, err := c.api.cfg.Barriers.Gathering(ctx, name, limit, fresh)
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.str("name", g.Name)
	o.str("state", barrierState(g.Open))
	if g.Count > 0 {
		o.num("count", int64(g.Count))
	}
	o.num("total", int64(g.Total))
	o.key("participants")
	o.b = append(o.b, '[')
	for i := range g.Participants {
		p := &g.Participants[i]
		o.comma()
		o.open()
		o.str("id", p.ID)
		o.session("session", p.Session)
		if p.Count > 0 {
			o.num("count", int64(p.Count))
		}
		o.text("owner", p.Owner)
		o.text("door", p.Door)
		o.instant("since", p.Since)
		o.close()
	}
	o.b = append(o.b, ']')
	o.num("revision", g.Revision)
	o.close()
	return c.ok(g.Revision)
}

// barrierExtras writes what the errors of barriers know besides their text.
func (o *answer) barrierExtras(err error) (revision int64) {
	if e, ok := errors.AsType[*barrier.ClosedError](err); ok {
		o.str("name", e.Name)
		o.text("owner", e.Owner)
		o.instant("since", e.Since)
		if e.Count > 0 {
			o.num("count", int64(e.Count))
			o.num("participants", int64(e.Participants))
		}
		return e.Revision
	}
	if e, ok := errors.AsType[*barrier.CountError](err); ok {
		o.str("name", e.Name)
		o.num("count", int64(e.Others))
	}
	return 0
}
