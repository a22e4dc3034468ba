package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A Term is the time in which a candidate leads, until it resigns, hands over, or loses the lead. Its
// methods are safe for concurrent use.
type Term struct {
	hold  *Hold
	value atomic.Pointer[string]
}

// Name returns the election's name.
func (t *Term) Name() string { return t.hold.Name() }

// Token returns the term's fencing token, to be sent along with whatever the leader does. It is
// greater than that of every term before.
func (t *Term) Token() Token { return t.hold.Token() }

// Value returns what the leader has proclaimed last.
func (t *Term) Value() string { return *t.value.Load() }

// Context returns a context that ends with the term; see [Hold.Context].
func (t *Term) Context() context.Context { return t.hold.Context() }

// Lost returns a channel that is closed when the lead is lost; see [Hold.Lost].
func (t *Term) Lost() <-chan struct{} { return t.hold.Lost() }

// Err returns nil while the term goes on, and then why it has ended; see [Hold.Err].
func (t *Term) Err() error { return t.hold.Err() }

// State returns how the term stands; see [Hold.State].
func (t *Term) State() State { return t.hold.State() }

// Deadline returns when the term ends if nothing more is heard of the service; see [Hold.Deadline].
func (t *Term) Deadline() time.Time { return t.hold.Deadline() }

// Hold returns the hold that the term is. An Unlock of it is a Resign.
func (t *Term) Hold() *Hold { return t.hold }

// Asked returns a channel with the candidate of higher priority that waits, when there is one: the
// one of the highest priority who came first, each at least once, and only the latest where it was
// not read. The leader may hand over to it, or not. The channel is never closed.
func (t *Term) Asked() <-chan Contender { return t.hold.asked }

// ask passes on who asks. Client.mu is held.
func (h *Hold) ask(by Contender) {
	if h.asked == nil {
		return
	}
	select {
	case <-h.asked:
	default:
	}
	h.asked <- by
}

// askedLocked takes the word that a leader is asked.
func (c *Client) askedLocked(f *wire.Frame) {
	s := c.byID[SessionID(f.Session)]
	if s == nil || len(f.Contenders) == 0 {
		return
	}
	by, key := contender(&f.Contenders[0]), holdKey{f.Name, Token(f.Token)}
	if h := s.holds[key]; h != nil {
		h.ask(by)
	} else if s.acquiring > 0 && len(s.asked) < maxEarly {
		s.asked[key] = by
	}
}

// Proclaim says something else to everybody. The service takes it only while the term goes on. It
// waits for the answer until ctx ends; then it is not known whether it was done, and the error
// matches [ErrUncertain], as where the client is closed meanwhile. An error that matches [ErrLost] or [ErrNotHeld] says that the term is over.
func (t *Term) Proclaim(ctx context.Context, value string) error {
	h := t.hold
	c := h.session.client
	if err := h.Err(); err != nil {
		return fmt.Errorf("proclaim in %q: %w", h.name, err)
	}
	k := c.newCall(h.session)
	k.frame.Kind, k.frame.Name, k.frame.Token, k.frame.Value = wire.Proclaim, h.name, int64(h.token), value
	err := ctx.Err()
	if err == nil {
		err = c.submit(k)
	}
	if err == nil {
		if err = c.await(ctx, k); err != nil {
			err = fmt.Errorf("%w: %w", ErrUncertain, err)
		} else if err = k.err; err != nil && !k.known() {
			err = fmt.Errorf("%w: %w", ErrUncertain, err)
		}
	}
	if err != nil {
		return fmt.Errorf("proclaim in %q: %w", h.name, err)
	}
	t.value.Store(&value)
	return nil
}

// Resign ends the term: its context first, then the lead. The next candidate in line leads. It is
// [Hold.Unlock].
func (t *Term) Resign(ctx context.Context) error {
	if err := t.hold.Unlock(ctx); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	return nil
}

// HandOver ends the term, its context first, and gives the lead to a candidate who waits, past all
// others, without a moment in which nobody leads. [Election.Candidates] and Asked tell their tokens.
//
// The term is over in any case: where the candidate cannot take it, it is resigned. The error
// matches [ErrNoCandidate] where the candidate does not wait any more, [ErrInput] where somebody who
// waits came in by ZooKeeper's protocol, and [ErrUncertain] where the outcome is not known, as where ctx
// ends before the answer: then it may have been handed over, and if not it is resigned in the
// background.
func (t *Term) HandOver(ctx context.Context, candidate Token) error {
	h := t.hold
	if err := h.Err(); err != nil && isLoss(err) {
		return fmt.Errorf("hand over %q: %w", h.name, err)
	}
	if !h.phase.CompareAndSwap(phaseHeld, phaseReleasing) {
		return fmt.Errorf("hand over %q: %w", h.name, ErrNotHeld)
	}
	h.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased))
	h.tell()
	if err := h.session.client.handOver(ctx, h, candidate); err != nil {
		return fmt.Errorf("hand over %q: %w", h.name, err)
	}
	return nil
}

// handOver hands over a term that has ended, and waits for the answer.
func (c *Client) handOver(ctx context.Context, h *Hold, candidate Token) error {
	k := c.newCall(h.session)
	k.frame.Kind, k.frame.Name, k.frame.Token, k.frame.Candidate = wire.HandOver, h.name, int64(h.token), int64(candidate)
	if err := c.submit(k); err != nil {
		c.releaseLater(h)
		return errors.Join(ErrUncertain, err)
	}
	if err := c.await(ctx, k); err != nil {
		c.releaseLater(h)
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	switch {
	case k.err != nil && !k.known():
		c.releaseLater(h) // what is told of may be the echo of its own success
		return fmt.Errorf("%w: %w", ErrUncertain, k.err)
	case k.err == nil, errors.Is(k.err, ErrLost), errors.Is(k.err, ErrNotHeld):
		return c.released(h, k.err, false)
	}
	return errors.Join(k.err, c.release(ctx, h))
}
