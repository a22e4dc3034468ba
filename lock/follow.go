package lock

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The sentinels of subscriptions.
var (
	// ErrSlowSubscriber is returned to a subscriber that the kept events have overtaken.
	ErrSlowSubscriber = errors.New("subscriber is too slow")
	// ErrTooManySubscribers is returned when the limit on subscriptions is reached.
	ErrTooManySubscribers = errors.New("too many event subscribers")
	// ErrSubscriptionEnded is returned after Close, of the subscription or the service.
	ErrSubscriptionEnded = errors.New("subscription ended")
)

// An eventLog keeps the last events. Subscribers read from it at their own pace, so a slow one
// costs nothing, and is told when it was overtaken.
type eventLog struct {
	kept      int
	ring      []loggedEvent
	start     uint64 // number of ring's oldest event
	end       uint64 // number after its newest
	published uint64 // up to here subscribers may read
	revision  int64  // of the newest
	index     int    // of the next event in it
	gone      EventID
	more      chan struct{} // closed at the next publish, nil while nobody waits
	readers   int
	ended     bool
}

// A loggedEvent is an Event whose owner is not decoded yet: most are never read.
type loggedEvent struct {
	Event
	data []byte
}

func (g *eventLog) add(revision int64, kind EventKind, n *znode.Node, session lease.ID, at int64, cause, reason string) (added *loggedEvent) {
	if g.revision != revision {
		g.revision, g.index = revision, 0
	}
	dir, _ := znode.Split(n.Path())
	e := loggedEvent{data: n.Data(), Event: Event{
		ID: EventID{revision, g.index}, Kind: kind, Name: lockName(dir), Token: Token(n.Czxid()),
		Session: session, Cause: cause, Reason: reason, Time: fromMillis(at),
	}}
	g.index++
	if len(g.ring) < g.kept {
		g.ring = append(g.ring, e)
	} else {
		slot := &g.ring[g.end%uint64(g.kept)]
		g.gone = slot.ID
		*slot = e
		g.start++
	}
	g.end++
	return g.at(g.end - 1)
}

func (g *eventLog) publish() {
	if g.published == g.end {
		return
	}
	g.published = g.end
	if g.more != nil {
		close(g.more)
		g.more = nil
	}
}

// reset forgets all events: some up to revision were missed. The numbers go on, a round of the
// ring further, so that whoever had read so far finds itself behind.
func (g *eventLog) reset(revision int64) {
	kept := uint64(g.kept)
	next := (g.end/kept + 1) * kept
	g.ring = g.ring[:0]
	g.start, g.end, g.published = next, next, next
	g.gone = EventID{Revision: revision, Index: math.MaxInt32} // after all of that revision
	if g.more != nil {
		close(g.more)
		g.more = nil
	}
}

// A Subscription follows the events of all locks whose names start with a prefix. It is for one
// goroutine; Close may be called by any.
type Subscription struct {
	locker *Locker
	prefix string
	next   uint64
	after  EventID // events up to it are not told
	closed chan struct{}
}

// Subscribe follows events: from now on, or with after, from the event after that one. The
// error is ErrEventsGone where those between are not remembered, or ErrTooManySubscribers. The
// caller must Close the subscription.
//
// An id may be ahead of this member, which may still be applying what another member told. One
// that is far ahead is of another cluster, and gone.
func (l *Locker) Subscribe(prefix string, after *EventID) (*Subscription, error) {
	revision := l.store.Revision() // before the mutex, which is taken inside the tree's
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.events
	switch {
	case g.ended:
		return nil, ErrSubscriptionEnded
	case g.readers >= l.cfg.Subscribers:
		return nil, ErrTooManySubscribers
	}
	s := &Subscription{locker: l, prefix: prefix, next: g.published, closed: make(chan struct{})}
	if after != nil {
		if before(*after, g.gone) || after.Revision > revision+mostAhead {
			return nil, ErrEventsGone
		}
		s.after = *after
		for s.next = g.start; s.next < g.published && !before(*after, g.at(s.next).ID); {
			s.next++
		}
	}
	g.readers++
	return s, nil
}

// mostAhead is how many revisions an event may be ahead of this member.
const mostAhead = 10_000

func before(a, b EventID) bool {
	return a.Revision < b.Revision || a.Revision == b.Revision && a.Index < b.Index
}

func (g *eventLog) at(number uint64) *loggedEvent { return &g.ring[number%uint64(g.kept)] }

// Next waits for the next event. It ends with ctx, with Close, or with ErrSlowSubscriber when
// events have been lost to this subscriber: then it must subscribe anew.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	l := s.locker
	for {
		l.mu.Lock()
		g := &l.events
		switch {
		case g.ended:
			l.mu.Unlock()
			return Event{}, ErrSubscriptionEnded
		case s.next < g.start || s.next > g.published:
			l.mu.Unlock()
			return Event{}, ErrSlowSubscriber
		}
		for s.next < g.published {
			e := *g.at(s.next)
			s.next++
			if strings.HasPrefix(e.Name, s.prefix) && before(s.after, e.ID) {
				l.mu.Unlock()
				n := decodeNote(e.data)
				e.Owner = n.Owner
				if e.Permits > 0 && n.Permits > 0 {
					e.Permits = n.Permits
				}
				return e.Event, nil
			}
		}
		if g.more == nil {
			g.more = make(chan struct{})
		}
		more := g.more
		l.mu.Unlock()
		select {
		case <-more:
		case <-s.closed:
			return Event{}, ErrSubscriptionEnded
		case <-ctx.Done():
			return Event{}, context.Cause(ctx)
		}
	}
}

// Close ends the subscription. It may be called again.
func (s *Subscription) Close() {
	s.locker.mu.Lock()
	defer s.locker.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
		s.locker.events.readers--
	}
}

func (l *Locker) endSubscriptions() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events.ended = true
	if l.events.more != nil {
		close(l.events.more)
		l.events.more = nil
	}
}
