package httpapi

import (
	"fmt"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

func (c *call) openSession() error {
	in, err := c.input(fieldTTL | fieldLabels | fieldRequestID)
	if err != nil {
		return err
	}
	return c.sendTouched(c.api.cfg.Sessions.Open(c.bounded(), lease.Options{TTL: in.ttl, Labels: in.labels, RequestID: in.requestID}))
}

func (c *call) touchSession() error {
	id, err := c.sessionID()
	if err != nil {
		return err
	}
	in, err := c.input(fieldGeneration)
	if err != nil {
		return err
	}
	return c.sendTouched(c.api.cfg.Sessions.Touch(c.bounded(), id, in.generation))
}

// sendTouched answers how a session stands, or passes on the error in its place.
func (c *call) sendTouched(t lease.Touched, err error) error {
	if err != nil {
		return err
	}
	o := c.begin()
	o.leaseFields(&t.Session)
	o.instant("deadline", t.Deadline)
	return c.ok(t.Revision)
}

func (c *call) getSession() error {
	id, err := c.sessionID()
	if err != nil {
		return err
	}
	_, fresh, err := c.read()
	if err != nil {
		return err
	}
	s, revision, err := c.api.cfg.Sessions.Get(c.bounded(), id, fresh)
	if err != nil {
		return err
	}
	c.begin().leaseFields(&s)
	return c.ok(revision)
}

func (c *call) listSessions() error {
	q, fresh, limit, err := c.page("after")
	if err != nil {
		return err
	}
	after, err := sessionOf(q, "after")
	if err != nil {
		return err
	}
	ctx, err := c.taking(limit, &fresh)
	if err != nil {
		return err
	}
	page, next, revision, err := c.api.cfg.Sessions.List(ctx, after, limit, fresh)
	if err != nil {
		return err
	}
	o := c.begin()
	o.array("sessions", len(page), func(i int) {
		o.open()
		o.leaseFields(&page[i])
		o.close()
	})
	o.session("next", next)
	return c.ok(revision)
}

func (c *call) closeSession() error {
	id, err := c.sessionID()
	if err != nil {
		return err
	}
	if err := c.nothingElse(); err != nil {
		return err
	}
	revision, err := c.api.cfg.Sessions.Close(c.bounded(), id, znode.Owner{})
	if err != nil {
		return err
	}
	o := c.begin()
	o.session("session", id)
	o.str("state", "closed")
	return c.ok(revision)
}

// nothingElse refuses a request that says more than its path.
func (c *call) nothingElse() error {
	_, err := c.input(0)
	return err
}

// leaseFields writes the members of a session.
func (o *answer) leaseFields(s *lease.Session) {
	o.session("session", s.ID)
	o.span("ttl", s.TTL)
	o.pairs("labels", s.Labels)
	if s.OneShot {
		o.flag("one_shot", true)
	}
	o.instant("opened", s.Opened)
	if s.Owner.Generation != 0 {
		o.num("generation", s.Owner.Generation)
		o.str("member", fmt.Sprintf("%016x", s.Owner.Member))
	}
}
