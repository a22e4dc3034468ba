package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
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
	ctx, cancel, err := c.waiting(in.wait)
	if err != nil {
		return err
	}
	defer cancel()
	h, err := e.Campaign(ctx, r, in.wait)
	if err != nil {
		return whyEnded(ctx, err)
	}
	return c.sendTerm(&h)
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
	ctx, cancel := c.bounded()
	defer cancel()
	h, err := e.Enqueue(ctx, r)
	if err != nil {
		return err
	}
	return c.sendTerm(&h)
}

func (c *call) proclaim() error {
	e, err := c.elections()
	if err != nil {
		return err
	}
	name, err := c.name()
	if err != nil {
		return err
	}
	in, err := c.input(fieldSession | fieldGeneration | fieldToken | fieldValue)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	d, err := e.Proclaim(ctx, election.Proclamation{
		Name: name, Session: in.session, Generation: in.generation, Token: in.token, Value: in.value,
	})
	if err != nil {
		return err
	}
	o := &c.out
	o.reset()
	o.open()
	o.str("name", d.Name)
	o.token("token", d.Token)
	o.str("state", string(lock.Held))
	o.num("revision", d.Revision)
	o.close()
	return c.ok(d.Revision)
}

func (c *call) handOver() error {
	e, err := c.elections()
	if err != nil {
		return err
	}
	name, err := c.name()
	if err != nil {
		return err
	}
	in, err := c.input(fieldSession | fieldGeneration | fieldToken | fieldCandidate)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	d, err := e.HandOver(ctx, election.HandOver{
		Name: name, Session: in.session, Generation: in.generation, Token: in.token, Candidate: in.candidate,
	})
	if err != nil {
		return err
	}
	return c.sendDone(&d)
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
	view, err := e.Candidates(ctx, name, limit, fresh)
	done()
	if err != nil {
		return err
	}
	c.out.reset()
	c.out.electionFields(&view)
	return c.ok(view.Revision)
}

// sendTerm answers with 202 while the term is still a place in the queue.
func (c *call) sendTerm(h *lock.Hold) error {
	o := &c.out
	o.reset()
	o.open()
	o.holdFields(h)
	o.candidacyFields(&h.Contender)
	o.close()
	status := http.StatusOK
	if h.State == lock.Waiting {
		status = http.StatusAccepted
	}
	c.send(status, jsonType, h.Revision)
	return nil
}

// electionFields writes a name's leader and those who wait.
func (o *answer) electionFields(q *lock.Queue) {
	o.open()
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
	o.key("candidates")
	o.b = append(o.b, '[')
	for i := range waiters {
		o.comma()
		o.candidate(&waiters[i])
	}
	o.b = append(o.b, ']')
	o.num("revision", q.Revision)
	o.close()
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
	a := c.api
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
	if a.closing.Err() != nil {
		return store.ErrClosed
	}
	if !c.enter(&a.streams, int64(a.limits.MaxEventStreams)) {
		return errTooManyStream
	}
	o, err := e.Observe(name)
	if err != nil {
		return err
	}
	defer o.Close()
	ctx, fail := context.WithCancelCause(c.r.Context())
	defer fail(nil)
	defer context.AfterFunc(a.closing, func() { fail(store.ErrClosed) })()
	c.beginEvents()
	return c.streamLeaders(ctx, o)
}

// streamLeaders is stream for who leads.
func (c *call) streamLeaders(ctx context.Context, o *election.Observer) error {
	asked := lock.Token(0)
	for {
		if err := c.push(); err != nil {
			return nil
		}
		beat, cancel := context.WithTimeout(ctx, c.api.limits.Heartbeat)
		now, err := o.Next(beat)
		silent := beat.Err() != nil
		cancel()
		c.out.reset()
		switch {
		case err == nil:
			c.out.observation(string(now.State), &now)
			if now.Asked.Token != 0 && now.Asked.Token != asked {
				c.out.observation("asked", &now)
			}
			asked = now.Asked.Token
		case ctx.Err() != nil:
			return nil
		case silent:
			c.out.b = append(c.out.b, ": still here\n\n"...)
		default:
			c.api.log.Debug("an observation ended", "err", err)
			return nil
		}
	}
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

// beginEvents sends what an event stream begins with, but for its first bytes, which are in c.out.
func (c *call) beginEvents() {
	c.unbindDeadlines()
	h := c.w.Header()
	h["Content-Type"] = eventType
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // else some proxies hold events back until they have enough
	// Read after subscribing: state read at this revision, and the stream, leave nothing out.
	h.Set("Lockkeeper-Revision", strconv.FormatInt(c.api.cfg.Revision(), 10))
	c.sent = http.StatusOK
	c.w.WriteHeader(http.StatusOK)
	c.out.b = append(c.out.b[:0], "retry: 1000\n\n"...)
}
