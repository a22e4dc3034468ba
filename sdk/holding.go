package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// acquire asks for the mutex's lock; wait is -1 for as long as it takes, 0 for a try.
func (m *Mutex) acquire(ctx context.Context, wait int64) (*Hold, error) {
	if m.cfg.again {
		return m.acquireAgain(ctx, wait)
	}
	k, err := m.request(wire.Acquire, wait)
	if err != nil {
		return nil, err
	}
	h, err := m.client.wait(ctx, k)
	if err != nil {
		return nil, err
	}
	return m.gave(h), nil
}

// request makes a call for the mutex's lock.
func (m *Mutex) request(kind wire.Kind, wait int64) (*call, error) {
	if err := m.cfg.validate(); err != nil {
		return nil, err
	}
	return m.requestBy(m.by(), kind, wait), nil
}

// by returns the session that is to hold.
func (m *Mutex) by() *Session {
	if m.session != nil {
		return m.session
	}
	return m.client.Session()
}

func (m *Mutex) requestBy(s *Session, kind wire.Kind, wait int64) *call {
	k := m.client.newLockCall(s, m.cfg, kind, wait)
	k.frame.Name = m.name
	return k
}

// newLockCall returns a call of s that asks for locks. Its maker fills in their names.
func (c *Client) newLockCall(s *Session, cfg *lockConfig, kind wire.Kind, wait int64) *call {
	k := c.newCall(s)
	k.cfg = cfg
	f := &k.frame
	f.Kind, f.WaitMS, f.Reason, f.Metadata = kind, wait, cfg.reason, cfg.metadata
	f.Compat, f.Mode, f.Deadlock = cfg.compat, cfg.mode, cfg.deadlockMode()
	f.LockDelayMS = (cfg.delay + time.Millisecond - 1).Milliseconds()
	if f.Owner = cfg.owner; f.Owner == "" {
		f.Owner = c.cfg.owner
	}
	return k
}

func (m *Mutex) enqueue(ctx context.Context) (*Ticket, error) {
	k, err := m.request(wire.Enqueue, 0)
	if err != nil {
		return nil, err
	}
	return m.place(ctx, k)
}

// place submits a call that takes a place in a queue.
func (m *Mutex) place(ctx context.Context, k *call) (*Ticket, error) {
	answer, err := m.client.stay(ctx, k)
	if err != nil {
		return nil, err
	}
	t := &Ticket{mutex: m, session: k.session, text: answer.Ticket, token: Token(answer.Token)}
	t.position.Store(answer.Position)
	t.expected.Store(answer.ExpectedMS * int64(time.Millisecond))
	return t, nil
}

// heldLocked makes a hold of what an answer tells. Whoever stands behind it hears of its loss from now
// on.
func (c *Client) heldLocked(k *call, h *Hold) (*Hold, error) {
	s := k.session
	h.session, h.cfg, h.again = s, k.cfg, k.again
	if old := s.holds[h.key()]; old != nil && old.ended() == nil {
		return old, nil // of a ticket that was waited for before
	}
	if k.frame.Kind == wire.Campaign {
		h.asked = make(chan Contender, 1)
		if by, ok := s.asked[h.key()]; ok {
			h.ask(by)
		}
	}
	if h.cfg.maxHold > 0 {
		h.limit = c.cfg.clock() + h.cfg.maxHold
	}
	h.look, h.values = h.check, k.values
	if lost := s.early[h.key()]; lost != nil {
		delete(s.early, h.key())
		return nil, lost
	}
	if err := s.Err(); err != nil {
		return nil, h.causeOf(err) // too late by the clock: it is not held
	}
	s.holds[h.key()] = h
	c.guardLocked(h)
	return h, nil
}

// acquiredLocked notes that a call of s that could end in a hold is done.
func (c *Client) acquiredLocked(s *Session) {
	if s.acquiring--; s.acquiring == 0 {
		clear(s.early)
		clear(s.asked)
	}
}

// maxEarly bounds the losses that are kept for answers to come.
const maxEarly = 1024

// holdLostLocked takes the member's word that a hold was taken away.
func (c *Client) holdLostLocked(f *wire.Frame) {
	s := c.byID[SessionID(f.Session)]
	if s == nil {
		return
	}
	lost := holdLost(f)
	if h := s.holds[holdKey{lost.Name, lost.Token}]; h != nil {
		c.loseHoldLocked(h, lost)
		return
	}
	if s.acquiring > 0 && len(s.early) < maxEarly {
		s.early[holdKey{lost.Name, lost.Token}] = lost
	}
}

func (c *Client) loseHoldLocked(h *Hold, why error) {
	delete(h.session.holds, h.key())
	if h.end(why) {
		c.cfg.log.Warn("a lock was lost", "lock", h.name, "token", int64(h.token), "session", h.session.ID(), "err", why)
	}
	h.tell()
}

// release releases a hold that has ended, and waits for the answer.
func (c *Client) release(ctx context.Context, h *Hold) error {
	k := c.releaseCall(h)
	again := !h.phase.CompareAndSwap(phaseHeld, phaseReleasing)
	h.tell()
	if err := c.submit(k); err != nil {
		if errors.Is(err, ErrClosed) || errors.Is(err, ErrTooManyRequests) {
			return errors.Join(ErrUncertain, err) // nothing was sent: it is held until its session ends
		}
		return err
	}
	if err := c.await(ctx, k); err != nil {
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	err := c.released(h, k.err, again || k.sends > 1)
	if errors.Is(err, ErrSessionLost) && (again || !k.known()) {
		err = fmt.Errorf("%w: %w", ErrUncertain, err) // it may have been released before that
	}
	return err
}

func (c *Client) releaseCall(h *Hold) *call {
	k := c.newCall(h.session)
	k.frame.Kind, k.frame.Name, k.frame.Token = wire.Release, h.name, int64(h.token)
	if h.permits > 0 {
		k.frame.Kind = wire.ReleasePermits
	}
	return k
}

// released judges the answer to a release. That the lock is not held is, of a release that was sent
// before, the echo of its own success. A loss is told as it is.
func (c *Client) released(h *Hold, err error, again bool) error {
	if again && errors.Is(err, ErrNotHeld) {
		err = nil
	}
	if errors.Is(err, ErrReleased) && h.phase.Load() == phaseReleased {
		err = nil // with its session
	}
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrReleased) {
		return fmt.Errorf("%w: %w", ErrUncertain, err) // the client was closed first
	}
	if err == nil {
		h.phase.Store(phaseReleased)
	} else {
		h.phase.Store(phaseLost)
	}
	c.mu.Lock()
	delete(h.session.holds, h.key())
	c.mu.Unlock()
	h.tell()
	return err
}

// releaseLater releases a hold that has ended, and does not wait. Client.mu must not be held.
func (c *Client) releaseLater(h *Hold) {
	h.phase.CompareAndSwap(phaseHeld, phaseReleasing)
	k := c.releaseCall(h)
	k.settle = func(_ *wire.Frame, err error) {
		delete(h.session.holds, h.key())
		h.phase.Store(phaseReleased) // or its session is over, which is told first
		h.tell()
	}
	if err := c.submit(k); err != nil {
		c.cfg.log.Warn("a lock that was given up is held until its session ends", "lock", h.name, "err", err)
	}
}

// leave gives up a ticket's place.
func (c *Client) leave(ctx context.Context, t *Ticket) error {
	k := c.newCall(t.session)
	k.frame.Kind, k.frame.Ticket = wire.Leave, t.text
	if err := c.submit(k); err != nil {
		return err
	}
	if err := c.await(ctx, k); err != nil {
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	if errors.Is(k.err, ErrNoTicket) && k.sends > 1 {
		return nil // the echo of its own success
	}
	return k.err
}
