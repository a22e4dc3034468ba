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
	ctx, cancel := c.bounded()
	defer cancel()
	t, err := c.api.cfg.Sessions.Open(ctx, lease.Options{TTL: in.ttl, Labels: in.labels, RequestID: in.requestID})
	if err != nil {
		return err
	}
	return c.sendTouched(&t)
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
	ctx, cancel := c.bounded()
	defer cancel()
	t, err := c.api.cfg.Sessions.Touch(ctx, id, in.generation)
	if err != nil {
		return err
	}
	return c.sendTouched(&t)
}

func (c *call) sendTouched(t *lease.Touched) error {
	o := &c.out
	o.reset()
	o.open()
	o.leaseFields(&t.Session)
	o.instant("deadline", t.Deadline)
	o.num("revision", t.Revision)
	o.close()
	return c.ok(t.Revision)
}

func (c *call) getSession() error {
	id, err := c.sessionID()
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
	s, revision, err := c.api.cfg.Sessions.Get(ctx, id, fresh)
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.leaseFields(&s)
	o.num("revision", revision)
	o.close()
	return c.ok(revision)
}

func (c *call) listSessions() error {
	q, err := c.query("after", "limit", paramConsistency, paramMinRevision)
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
	var after lease.ID
	if text := q.Get("after"); text != "" {
		if after, err = lease.ParseID("after", text); err != nil {
			return err
		}
	}
	ctx, cancel := c.bounded()
	defer cancel()
	page, next, revision, err := c.api.cfg.Sessions.List(ctx, after, limit, fresh)
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.key("sessions")
	o.b = append(o.b, '[')
	for i := range page {
		o.comma()
		o.open()
		o.leaseFields(&page[i])
		o.close()
	}
	o.b = append(o.b, ']')
	o.session("next", next)
	o.num("revision", revision)
	o.close()
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
	ctx, cancel := c.bounded()
	defer cancel()
	revision, err := c.api.cfg.Sessions.Close(ctx, id, znode.Owner{})
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.session("session", id)
	o.str("state", "closed")
	o.num("revision", revision)
	o.close()
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
