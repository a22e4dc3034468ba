package sdk

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// A Hold is a lock that is held, until Unlock is called or it is lost. Its methods are safe for
// concurrent use.
//
// A hold can be lost because its session's time ran out, by this program's own clock or the
// service's word; because the lock was taken away by force; because the client was closed; or by
// [WithMaxHold] and [WithProgress].
type Hold struct {
	life
	session *Session
	cfg     *lockConfig
	name    string
	token   Token
	since   time.Time
	limit   time.Duration // by the client's clock, when WithMaxHold ends it; 0: never
	phase   atomic.Int32
	told    chan struct{}  // tells the guard that the state may have changed; nil: there is none
	permits int            // of a semaphore; 0: of a lock
	again   *reentry       // of a reentrant lock; nil: it is none
	entries int            // calls of Lock without their Unlock; guarded by again.mu
	asked   chan Contender // of a term: who waits with a higher priority, the latest word; nil: of a lock
}

// A holdKey names a hold of a session: locks that were taken together have one token.
type holdKey struct {
	name  string
	token Token
}

func (h *Hold) key() holdKey { return holdKey{h.name, h.token} }

// The phases of a hold's release.
const (
	phaseHeld int32 = iota
	phaseReleasing
	phaseReleased
	phaseLost // found out by the release
)

// Name returns the lock's name.
func (h *Hold) Name() string { return h.name }

// Permits returns how many permits of a semaphore are held; 0: it is a lock that is held.
func (h *Hold) Permits() int { return h.permits }

// Token returns the fencing token, to be sent along with whatever the lock protects.
func (h *Hold) Token() Token { return h.token }

// Since returns when the lock was granted, by the service's clock.
func (h *Hold) Since() time.Time { return h.since }

// Session returns the session that holds.
func (h *Hold) Session() *Session { return h.session }

// Context returns a context that ends when the hold is over, by loss or by Unlock; [context.Cause]
// says why, as Err does. It ends before the service gives the lock to anybody else, a forced
// release and a deletion by others aside. Its Err looks at the clock itself: a program that was
// stopped, or suspended with its machine, sees the loss at its next call, even where no timer has
// run since. Contexts derived from it hear of that within a moment. It has the values of the
// context that Lock was called with, but not its end.
func (h *Hold) Context() context.Context { return h.context() }

// Lost returns a channel that is closed when the hold is lost; an Unlock does not close it.
func (h *Hold) Lost() <-chan struct{} { return h.lostChannel() }

// Err returns nil while the lock is held, and then why it is not: an error that matches [ErrLost],
// [ErrMaxHold] or [ErrNoProgress], or else [ErrReleased]. It looks at the clock.
func (h *Hold) Err() error {
	h.check()
	return h.ended()
}

// Deadline returns when the hold will end if nothing more is heard of the service, by the wall
// clock of now. Renewals move it on. After the end it is the zero time.
func (h *Hold) Deadline() time.Time {
	if h.Err() != nil {
		return time.Time{}
	}
	until := time.Duration(h.session.deadline.Load())
	if h.limit != 0 {
		until = min(until, h.limit)
	}
	return h.session.client.wallTime(until)
}

// State returns how the hold stands. It looks at the clock.
func (h *Hold) State() State {
	err := h.Err()
	switch h.phase.Load() {
	case phaseReleased:
		return Released
	case phaseLost:
		return Lost
	case phaseReleasing:
		if h.session.ended() != nil {
			return Lost // its time is over, whatever became of the release
		}
		return Uncertain
	}
	switch {
	case err != nil && isLoss(err):
		return Lost
	case err != nil:
		return Released
	case h.session.overdue():
		return Jeopardy
	}
	return Held
}

// Unlock ends the hold's context, with [ErrReleased], and then releases the lock. It waits for the
// answer, through reconnections, until ctx ends: then the error matches [ErrUncertain], the lock may
// or may not be free, and the release is repeated in the background for as long as the session
// lives. Other errors: one that matches [ErrLost] where the hold had been lost before, and
// [ErrNotHeld] where it had been unlocked. Safe to repeat after ErrUncertain. A hold of a reentrant
// lock, see [WithReentrant], ends with the last of as many calls as there were of Lock.
func (h *Hold) Unlock(ctx context.Context) error {
	if h.again != nil && h.again.leave(h) {
		return nil
	}
	if err := h.Err(); err != nil && isLoss(err) {
		return fmt.Errorf("unlock %q: %w", h.name, err)
	}
	h.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased))
	if p := h.phase.Load(); p == phaseReleased || p == phaseLost {
		return fmt.Errorf("unlock %q: %w", h.name, ErrNotHeld)
	}
	if err := h.session.client.release(ctx, h); err != nil {
		return fmt.Errorf("unlock %q: %w", h.name, err)
	}
	return nil
}

// check ends the hold where its time is over. It is the life's look.
func (h *Hold) check() {
	if h.limit != 0 && h.session.client.cfg.clock() >= h.limit {
		h.giveUp(ErrMaxHold)
	}
	h.session.look()
	if cause := h.session.ended(); cause != nil {
		h.end(h.causeOf(cause))
	}
}

// causeOf turns the end of the session into that of the hold.
func (h *Hold) causeOf(cause error) error {
	if lost, ok := cause.(*LostError); ok { //nolint:errorlint // made here, never wrapped
		e := *lost
		e.Name, e.Token = h.name, h.token
		return &e
	}
	return fmt.Errorf("lock %q: %w", h.name, cause)
}

// giveUp ends the hold in its program's place, and releases the lock in the background.
func (h *Hold) giveUp(why error) {
	if h.end(fmt.Errorf("lock %q: %w", h.name, why)) {
		h.session.client.releaseLater(h)
	}
}
