package lease

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Touch touches a session and waits until the touch is confirmed. A generation other than 0 must
// be the session's newest, else the error is [znode.ErrSessionMoved]. It ends with ctx, and
// [store.ErrUnavailable], or with the session, and a [*LostError].
func (s *Sessions) Touch(ctx context.Context, id ID, generation int64) (Touched, error) {
	session, revision, ok := s.Look(id)
	if !ok { // opened at another member a moment ago?
		if err := s.store.Sync(ctx); err != nil {
			return Touched{}, err
		}
		if session, revision, ok = s.Look(id); !ok {
			return Touched{}, s.Lost(id)
		}
	}
	if generation != 0 && generation != session.Owner.Generation {
		return Touched{}, znode.ErrSessionMoved
	}
	w := s.Expect(id)
	s.store.Touch(id, true)
	sent, err := w.Wait(ctx)
	if err != nil {
		return Touched{}, err
	}
	return s.touched(session, sent, revision), nil
}

// An Expected is a confirmed touch to come.
type Expected struct {
	sessions *Sessions
	id       ID
	waiter   *touchWaiter
}

// Expect prepares to wait for a confirmed touch of id that is sent after Expect was called. The
// caller must Wait, once this member's tree shows the session, or Drop.
func (s *Sessions) Expect(id ID) Expected {
	w := &touchWaiter{from: clock.Boot(), got: make(chan touchAnswer, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = append(s.waiting[id], w)
	return Expected{sessions: s, id: id, waiter: w}
}

// Wait waits for the confirmation and returns when the touch was sent, by [clock.Boot]. It ends
// with ctx, and [store.ErrUnavailable], or with the session, and a [*LostError].
func (e Expected) Wait(ctx context.Context) (sent time.Duration, err error) {
	select {
	case a := <-e.waiter.got: // mostly: a batch confirms the touches that came with its requests
		return a.result(e.id)
	default:
	}
	again := time.NewTicker(touchAgain)
	defer again.Stop()
	for {
		if err := e.over(); err != nil {
			return 0, err
		}
		select {
		case a := <-e.waiter.got:
			return a.result(e.id)
		case <-again.C:
			e.sessions.store.Touch(e.id, true)
		case <-ctx.Done():
			e.sessions.forget(e.id, e.waiter)
			return 0, errors.Join(store.ErrUnavailable, context.Cause(ctx))
		}
	}
}

func (a touchAnswer) result(id ID) (time.Duration, error) {
	if a.cause != "" {
		return 0, &LostError{ID: id, Cause: a.cause}
	}
	return a.sent, nil
}

// over returns a [*LostError] where the session is not in the tree: its end may have been applied
// before Expect, or may be hidden in a gap of the log.
func (e Expected) over() error {
	if _, _, ok := e.sessions.Look(e.id); ok {
		return nil
	}
	e.Drop()
	select {
	case a := <-e.waiter.got:
		if a.cause != "" {
			return &LostError{ID: e.id, Cause: a.cause}
		}
	default:
	}
	return e.sessions.Lost(e.id)
}

// touchAgain is how long a touch may go unconfirmed before it is sent again: a writer whose
// tree has not reached the session's open yet drops it without a word.
const touchAgain = 100 * time.Millisecond

// Drop gives up waiting.
func (e Expected) Drop() { e.sessions.forget(e.id, e.waiter) }

func (s *Sessions) forget(id ID, w *touchWaiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(id, slices.DeleteFunc(s.waiting[id], func(x *touchWaiter) bool { return x == w }))
}

func (s *Sessions) keep(id ID, list []*touchWaiter) {
	if len(list) == 0 {
		delete(s.waiting, id)
	} else {
		s.waiting[id] = list
	}
}

// Confirmed takes the store's word that a touch is confirmed. It does not block.
func (s *Sessions) Confirmed(id ID, sent time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.waiting[id]
	if len(list) == 0 {
		return
	}
	s.keep(id, slices.DeleteFunc(list, func(w *touchWaiter) bool {
		if w.from > sent {
			return false
		}
		w.got <- touchAnswer{id: id, sent: sent}
		return true
	}))
}

// Changed looks on while the store applies changes: it remembers how sessions end, and tells
// who waits for them or follows them. It is part of the store's Observer.
func (s *Sessions) Changed(c *znode.Change) {
	if c.Kind == znode.SessionMoved {
		s.moved(c)
		return
	}
	if c.Kind != znode.SessionClosed {
		return
	}
	cause := Closed
	if c.Expired {
		cause = Expired
		s.Stats.expired.Add(1)
	} else {
		s.Stats.closed.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended.add(c.Session, cause)
	for _, w := range s.waiting[c.Session] {
		w.got <- touchAnswer{id: c.Session, cause: cause}
	}
	delete(s.waiting, c.Session)
	for _, f := range s.followers {
		f.SessionEnded(c.Session, cause)
	}
}

// Lost returns the [*LostError] of a session that is not in the tree, with the cause as far as
// this member remembers it.
func (s *Sessions) Lost(id ID) error { return &LostError{ID: id, Cause: s.causeOf(id)} }

func (s *Sessions) causeOf(id ID) Cause {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended.cause(id)
}

// obituariesKept bounds how many ended sessions a member remembers the cause of.
const obituariesKept = 1 << 16

// obituaries remember how the last sessions ended, oldest forgotten first.
type obituaries struct {
	causes map[ID]Cause
	order  []ID
	next   int
}

func (o *obituaries) add(id ID, cause Cause) {
	if o.causes == nil {
		o.causes = map[ID]Cause{}
	}
	if len(o.order) < obituariesKept {
		o.order = append(o.order, id)
	} else {
		delete(o.causes, o.order[o.next])
		o.order[o.next] = id
		o.next = (o.next + 1) % obituariesKept
	}
	o.causes[id] = cause
}

func (o *obituaries) cause(id ID) Cause {
	if c, ok := o.causes[id]; ok {
		return c
	}
	return Unknown
}
