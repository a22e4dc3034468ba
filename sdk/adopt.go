package sdk

import (
	"context"
	"fmt"
	"time"
)

// Adopt looks after a lock, or permits of a semaphore, that this session has come to hold otherwise
// than by this client: over REST, for example, by the session's id. The hold tells of its loss, and
// is released, like any other. permits is 0 for a lock. Options of locks that say how to take one
// have no effect.
//
// Adopt asks whether the session does hold, and waits for the answer until ctx ends; then it returns
// ctx's cause, and looks after nothing. The error matches [ErrLost] where the session does not hold,
// or is over, and [ErrInput] where an argument is no good. One name and token are adopted once: again
// they give the same hold.
func (s *Session) Adopt(ctx context.Context, name string, token Token, permits int, opts ...LockOption) (*Hold, error) {
	cfg := newLockConfig(ofMutex, s.client.cfg.lock, opts)
	switch {
	case name == "":
		return nil, &InputError{Field: "name", Problem: "is empty", Fix: "give the name of what is held"}
	case token <= 0:
		return nil, &InputError{Field: "token", Problem: fmt.Sprintf("%d is no token", token), Fix: "give that of the answer which granted the lock"}
	case permits < 0:
		return nil, &InputError{Field: "permits", Problem: fmt.Sprintf("%d is below 0", permits), Fix: "give 0 for a lock"}
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	h := &Hold{session: s, cfg: cfg, name: name, token: token, permits: permits, since: time.Now()}
	h.look = h.check
	known, done, err := s.client.adopt(h)
	if known != nil || err != nil {
		return known, err
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err == nil {
		err = h.Err()
	}
	if err != nil {
		h.Forget()
		return nil, fmt.Errorf("adopt %q: %w", name, err)
	}
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	s.client.guardLocked(h) // not before: its owner is told of no state until it has it
	return h, nil
}

// adopt notes a hold, so that no loss of it is missed from now on, and asks who holds. known is the one
// that is there already.
func (c *Client) adopt(h *Hold) (known *Hold, done <-chan error, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := h.session.Err(); err != nil {
		return nil, nil, fmt.Errorf("adopt %q: %w", h.name, err)
	}
	if old := h.session.holds[h.key()]; old != nil && old.ended() == nil {
		return old, nil, nil
	}
	h.session.holds[h.key()] = h
	answer := make(chan error, 1)
	c.verifyHoldLocked(h, answer)
	return nil, answer, nil
}

// Forget ends the hold's context, with [ErrReleased], and releases nothing: for a lock that was
// given up otherwise than by this client. It does not block. A hold that is over stays as it is.
func (h *Hold) Forget() {
	c := h.session.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased)) {
		h.phase.Store(phaseReleased)
		delete(h.session.holds, h.key())
		h.tell()
	}
}
