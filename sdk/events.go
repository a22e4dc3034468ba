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
	feed
	prefix string
	queue  chan Event
	after  string // guarded by client.mu
}

var _ feeder = (*Subscription)(nil)

// Events follows what happens to all locks whose names start with prefix: from now on or, where
// after is not empty, from the event after the one of that ID. It waits until the service has
// answered, or ctx ends. The subscription goes on over reconnections without a gap. The caller must
// Close it.
func (c *Client) Events(ctx context.Context, prefix, after string) (*Subscription, error) {
	s := &Subscription{prefix: prefix, after: after, queue: make(chan Event, c.cfg.eventBuffer)}
	s.feed = newFeed(c, s)
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("subscribe to %q: %w", prefix, err)
	}
	return s, nil
}

// ask is part of feeder.
func (s *Subscription) ask(f *wire.Frame) {
	f.Kind, f.Name, f.After = wire.Subscribe, s.prefix, s.after
}

// begun is part of feeder: it notes from where on a subscription without events would have to go on.
func (s *Subscription) begun(answer *wire.Frame) {
	if s.after == "" && answer.Revision > 0 {
		s.after = fmt.Sprintf("%d-%d", answer.Revision, math.MaxInt32)
	}
}

// forget is part of feeder: what is not told now is told later.
func (s *Subscription) forget() {}

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

// push is part of feeder.
func (s *Subscription) push(f *wire.Frame) {
	e := Event{
		ID: f.After, Kind: EventKind(f.Event), Name: f.Name, Token: Token(f.Token), Session: SessionID(f.Session),
		Owner: f.Owner, Cause: Cause(f.Cause), Reason: f.Reason, Time: millis(f.TimeMS), Permits: int(f.Permits),
	}
	select {
	case s.queue <- e:
		s.after = e.ID
	default:
		s.endLocked(ErrTooSlow)
	}
}
