package sdk

import (
	"fmt"
	"time"
)

// Adopt looks after a lock, or permits of a semaphore, that this session has come to hold otherwise
// than by this client: over REST, for example, by the session's id. The hold tells of its loss, and
// is released, like any other. permits is 0 for a lock. Adopt asks nobody and does not block; that
// the session does hold is asked in the background, and if it does not, the hold is lost. Options
// of locks that say how to take one have no effect.
//
// The error is an [*InputError], or says that the session is over, as [Session.Err] does. One name
// and token are adopted once: again they give the same hold.
func (s *Session) Adopt(name string, token Token, permits int, opts ...LockOption) (*Hold, error) {
	c := s.client
	cfg := newLockConfig(ofMutex, c.cfg.lock, opts)
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("adopt %q: %w", name, err)
	}
	h := &Hold{session: s, cfg: cfg, name: name, token: token, permits: permits, since: time.Now()}
	if old := s.holds[h.key()]; old != nil && old.ended() == nil {
		return old, nil
	}
	h.look = h.check
	s.holds[h.key()] = h
	c.guardLocked(h)
	c.verifyHoldLocked(h)
	return h, nil
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
