package sdk

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// An EventKind says what happened to a lock.
type EventKind string

// The kinds of events. The service may tell others.
const (
	EventAcquired EventKind = "acquired"
	EventReleased EventKind = "released" // by its own session
	EventLost     EventKind = "lost"     // any other way; Cause says which
	EventWaiting  EventKind = "waiting"  // joined the queue behind others
	EventLeft     EventKind = "left"     // gave up waiting
	// EventDeadlock tells of a cycle of waits, in Reason, and whether it was "refused" or
	// "reported", in Cause. Only the member that found it tells it.
	EventDeadlock EventKind = "deadlock"
)

// An Event is one change of a lock's holder or queue.
type Event struct {
	ID      string // to go on after, at whatever member
	Kind    EventKind
	Name    string
	Token   Token
	Session SessionID
	Owner   string
	Cause   Cause  // of EventLost
	Reason  string // of a forced release
	Time    time.Time
	Permits int // of a semaphore: how many it is about; 0: Name is a lock's
}

// A Subscription follows events. Next is for one goroutine at a time, Close for any.
type Subscription struct {
	client *Client
	prefix string
	queue  chan Event
	ended  chan struct{}

	// Guarded by client.mu.
	id    uint64 // of the SUBSCRIBE that it goes by
	after string
	err   error // why it ended
}

// Events follows what happens to all locks whose names start with prefix: from now on or, where
// after is not empty, from the event after the one of that ID. It waits until the service has
// answered, or ctx ends. The subscription goes on over reconnections without a gap. The caller must
// Close it.
func (c *Client) Events(ctx context.Context, prefix, after string) (*Subscription, error) {
	s := &Subscription{
		client: c, prefix: prefix, after: after,
		queue: make(chan Event, c.cfg.eventBuffer), ended: make(chan struct{}),
	}
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.After = wire.Subscribe, prefix, after
	c.mu.Lock()
	err := c.submitLocked(k)
	if err == nil {
		s.id = k.frame.ID
		c.subs[s.id] = s // events may follow the answer at once
	}
	c.mu.Unlock()
	if err == nil {
		if err = c.await(ctx, k); err == nil {
			err = k.err
		}
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("subscribe to %q: %w", prefix, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.begun(k.answer)
	return s, nil
}

// begun notes from where on a subscription without events would have to go on.
func (s *Subscription) begun(answer *wire.Frame) {
	if s.after == "" && answer.Revision > 0 {
		s.after = fmt.Sprintf("%d-%d", answer.Revision, math.MaxInt32)
	}
}

// Next waits for the next event. The error is ctx's cause, or else why the subscription ended:
// it matches [ErrClosed] after a Close, [ErrTooSlow] where this program has not read fast enough,
// [ErrEventsGone] where the events of a long absence are not remembered. Then subscribe anew.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	select {
	case e := <-s.queue:
		return e, nil
	default:
	}
	select {
	case e := <-s.queue:
		return e, nil
	case <-s.ended:
		s.client.mu.Lock()
		defer s.client.mu.Unlock()
		return Event{}, s.err
	case <-ctx.Done():
		return Event{}, context.Cause(ctx)
	}
}

// All returns the events as a sequence, which ends after the first error.
func (s *Subscription) All(ctx context.Context) iter.Seq2[Event, error] {
	return sequence(ctx, s.Next)
}

// sequence returns what next does as a sequence, which ends after the first error.
func sequence[T any](ctx context.Context, next func(context.Context) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := next(ctx)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Close ends the subscription. It does not block, and may be called again.
func (s *Subscription) Close() {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endSubscriptionLocked(s, ErrClosed)
}

// push takes an event. Client.mu is held.
func (s *Subscription) push(c *Client, f *wire.Frame) {
	e := Event{
		ID: f.After, Kind: EventKind(f.Event), Name: f.Name, Token: Token(f.Token), Session: SessionID(f.Session),
		Owner: f.Owner, Cause: Cause(f.Cause), Reason: f.Reason, Time: millis(f.TimeMS), Permits: int(f.Permits),
	}
	select {
	case s.queue <- e:
		s.after = e.ID
	default:
		c.endSubscriptionLocked(s, ErrTooSlow)
	}
}

// endSubscriptionLocked ends a subscription, here and at the member.
func (c *Client) endSubscriptionLocked(s *Subscription, why error) {
	if s.err != nil {
		return
	}
	s.err = why
	close(s.ended)
	delete(c.subs, s.id)
	c.unsubscribeLocked(s.id)
}

// unsubscribeLocked has the member send no more of what a SUBSCRIBE or an OBSERVE has begun.
func (c *Client) unsubscribeLocked(id uint64) {
	if id == 0 || c.link == nil || c.link.over {
		return
	}
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Target = wire.Unsubscribe, id
	k.abandoned, k.settle = true, func(*wire.Frame, error) {}
	c.enterLocked(k)
}

// subscribeLocked goes on with a subscription over a new stream.
func (c *Client) subscribeLocked(s *Subscription) {
	if k := c.calls[s.id]; k != nil {
		return // its first request is still to be answered
	}
	delete(c.subs, s.id)
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.After = wire.Subscribe, s.prefix, s.after
	k.settle = func(answer *wire.Frame, err error) {
		if err != nil {
			c.endSubscriptionLocked(s, err)
		} else {
			s.begun(answer)
		}
	}
	c.enterLocked(k)
	s.id = k.frame.ID
	c.subs[s.id] = s
}
