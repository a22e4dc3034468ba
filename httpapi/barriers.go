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
	_, fresh, err := c.read()
	if err != nil {
		return err
	}
	return c.sendBarrier(c.api.cfg.Barriers.Look(c.bounded(), name, fresh))
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
	return c.sendBarrier(c.api.cfg.Barriers.Set(c.bounded(), name, in.owner, door))
}

func (c *call) removeBarrier() error {
	name, err := c.barrierName()
	if err != nil {
		return err
	}
	if err := c.nothingElse(); err != nil {
		return err
	}
	return c.sendBarrier(c.api.cfg.Barriers.Remove(c.bounded(), name))
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
	ctx, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	return c.sendBarrier(c.api.cfg.Barriers.Wait(ctx, name, in.wait, nil))
}

// sendBarrier answers how a barrier stands, or passes on the error in its place.
func (c *call) sendBarrier(s barrier.State, err error) error {
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", s.Name)
	o.str("state", barrierState(!s.Closed))
	o.text("owner", s.Owner)
	o.instant("since", s.Since)
	if s.Repeated {
		o.flag("repeated", true)
	}
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
	if err := in.oneSession("participant"); err != nil {
		return err
	}
	if in.count == 0 {
		return badInput("count", "is missing", "say for how many participants the barrier opens, the same number by all")
	}
	ctx, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	p, err := c.api.cfg.Barriers.Enter(ctx, barrier.Entry{
		Name: name, ID: in.id, Session: in.session, Generation: in.generation, TTL: in.ttl, Labels: in.labels,
		Count: in.count, Owner: in.owner, Door: door,
	}, in.wait)
	if err != nil {
		return err
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
	ctx, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	p, err := c.api.cfg.Barriers.Leave(ctx, barrier.Exit{Name: name, ID: in.id, Session: in.session, Generation: in.generation}, in.wait)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if p.Participants > 0 {
		status = http.StatusAccepted // others are still there
	}
	return c.sendPlace(&p, status, "left")
}

func (c *call) sendPlace(p *barrier.Place, status int, state string) error {
	o := c.begin()
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
	return c.reply(status, p.Revision)
}

func (c *call) getDoubleBarrier() error {
	name, err := c.barrierName()
	if err != nil {
		return err
	}
	_, fresh, limit, err := c.page()
	if err != nil {
		return err
	}
	ctx, err := c.taking(limit, &fresh)
	if err != nil {
		return err
	}
	g, err := c.api.cfg.Barriers.Gathering(ctx, name, limit, fresh)
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", g.Name)
	o.str("state", barrierState(g.Open))
	if g.Count > 0 {
		o.num("count", int64(g.Count))
	}
	o.num("total", int64(g.Total))
	o.array("participants", len(g.Participants), func(i int) {
		p := &g.Participants[i]
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
	})
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
