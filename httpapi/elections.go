package httpapi

import (
	"context"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/lock"
)

// Elections is what this door needs of elections. Every call ends with its ctx at the latest, and
// all may run concurrently.
type Elections interface {
	stream.Elections
	Enqueue(ctx context.Context, r lock.Request) (lock.Hold, error)
}

// elections returns what serves elections, or the error where nothing does.
func (c *call) elections() (Elections, error) {
	if c.api.cfg.Elections == nil {
		return nil, errUnknownRoute
	}
	return c.api.cfg.Elections, nil
}

// candidacy reads a request of a candidate for the election that the path names.
func (c *call) candidacy(more field) (lock.Request, input, error) {
	const ofLocks = fieldMode | fieldReentrant | fieldLockDelay
	r, in, err := c.request(acquireFields&^ofLocks | fieldValue | fieldPriority | more)
	if err != nil {
		return lock.Request{}, input{}, err
	}
	r.Candidacy = &lock.Candidacy{Value: in.value, Priority: in.priority}
	return r, in, nil
}

func (c *call) campaign() error {
	e, err := c.elections()
	if err != nil {
		return err
	}
	r, in, err := c.candidacy(fieldWait)
	if err != nil {
		return err
	}
	ctx, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	return c.sendTerm(e.Campaign(ctx, r, in.wait))
}

func (c *call) enqueueCandidate() error {
	e, err := c.elections()
	if err != nil {
		return err
	}
	r, _, err := c.candidacy(0)
	if err != nil {
		return err
	}
	return c.sendTerm(e.Enqueue(c.bounded(), r))
}

// leading reads a request of a leader about the election that the path names.
func (c *call) leading(more field) (e Elections, name string, in input, err error) {
	if e, err = c.elections(); err != nil {
		return nil, "", in, err
	}
	if name, err = c.name(); err != nil {
		return nil, "", in, err
	}
	in, err = c.input(fieldSession | fieldGeneration | fieldToken | more)
	return e, name, in, err
}

func (c *call) proclaim() error {
	e, name, in, err := c.leading(fieldValue)
	if err != nil {
		return err
	}
	d, err := e.Proclaim(c.bounded(), election.Proclamation{
		Name: name, Session: in.session, Generation: in.generation, Token: in.token, Value: in.value,
	})
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", d.Name)
	o.token("token", d.Token)
	o.str("state", string(lock.Held))
	return c.ok(d.Revision)
}

func (c *call) handOver() error {
	e, name, in, err := c.leading(fieldCandidate)
	if err != nil {
		return err
	}
	return c.sendDone(e.HandOver(c.bounded(), election.HandOver{
		Name: name, Session: in.session, Generation: in.generation, Token: in.token, Candidate: in.candidate,
	}))
}

func (c *call) getElection() error {
	e, err := c.elections()
	if err != nil {
		return err
	}
	name, err := c.name()
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
	view, err := e.Candidates(ctx, name, limit, fresh)
	if err != nil {
		return err
	}
	c.begin().electionFields(&view)
	return c.ok(view.Revision)
}

// sendTerm is sendHold for a term.
func (c *call) sendTerm(h lock.Hold, err error) error {
	if err != nil {
		return err
	}
	o := c.begin()
	o.holdFields(&h)
	o.candidacyFields(&h.Contender)
	return c.reply(holdStatus(h.State), h.Revision)
}

// electionFields writes a name's leader and those who wait.
func (o *answer) electionFields(q *lock.Queue) {
	o.str("name", q.Name)
	waiters := q.Contenders
	if len(waiters) > 0 && waiters[0].State == lock.Held {
		o.str("state", string(election.Leads))
		o.key("leader")
		o.candidate(&waiters[0])
		waiters = waiters[1:]
	} else {
		o.str("state", string(election.None))
	}
	o.num("total", int64(q.Total))
	o.array("candidates", len(waiters), func(i int) { o.candidate(&waiters[i]) })
}

// candidate writes one place in an election, as everybody sees it.
func (o *answer) candidate(c *lock.Contender) {
	o.open()
	o.contenderFields(c)
	o.candidacyFields(c)
	o.close()
}

func (o *answer) candidacyFields(c *lock.Contender) {
	o.text("value", c.Value)
	if c.Priority != 0 {
		o.num("priority", c.Priority)
	}
}

// observe streams who leads until the client or the server has had enough.
func (c *call) observe() error {
	e, err := c.elections()
	if err != nil {
		return err
	}
	name, err := c.name()
	if err != nil {
		return err
	}
	if _, err := c.query(); err != nil {
		return err
	}
	if err := c.enterStreams(); err != nil {
		return err
	}
	from, err := e.Observe(name)
	if err != nil {
		return err
	}
	defer from.Close()
	c.beginEvents()
	asked := lock.Token(0)
	return c.stream(func(ctx context.Context) error {
		now, err := from.Next(ctx)
		if err != nil {
			return err
		}
		c.out.observation(string(now.State), &now)
		if now.Asked.Token != 0 && now.Asked.Token != asked {
			c.out.observation("asked", &now)
		}
		asked = now.Asked.Token
		return nil
	})
}

// observation writes what is known of a leader as one server-sent event.
func (o *answer) observation(event string, now *election.Observation) {
	o.b = append(o.b, "event: "...)
	o.b = append(o.b, event...)
	o.b = append(o.b, "\ndata: "...)
	o.open()
	o.str("name", now.Name)
	o.str("state", string(now.State))
	if now.State == election.Leads {
		o.key("leader")
		o.candidate(&now.Leader)
		if now.Asked.Token != 0 {
			o.key("asked")
			o.candidate(&now.Asked)
		}
	}
	o.num("revision", now.Revision)
	o.close()
	o.b = append(o.b, "\n\n"...)
}
