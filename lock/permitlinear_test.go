package lock_test

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/lockkeeper/lockkeeper/internal/history"
	"github.com/lockkeeper/lockkeeper/lock"
)

const poolLimit = 4

// permitsTurn takes permits, looks, and gives them back.
func (c linear) permitsTurn(h *history.History) error {
	r := lock.PermitRequest{Request: c.request(h.Name()), Permits: 1 + rand.IntN(3), Limit: poolLimit}
	take := h.Take(history.Claim{Owner: c.owner, Permits: r.Permits})
	hold, try, err := c.acquireSomehow(r)
	switch {
	case try && errors.Is(err, lock.ErrNoPermits):
		take.Refused()
		return c.lookAtPermits(h)
	case err != nil:
		return fmt.Errorf("acquire %d: %w", r.Permits, err)
	}
	take.Granted(int64(hold.Token))
	if err := c.lookAtPermits(h); err != nil {
		return err
	}
	end := h.End(c.owner)
	if _, err := c.m.Locks.ReleasePermits(patient(c.t), lock.Release{Name: h.Name(), Session: c.session, Token: hold.Token}); err != nil {
		return fmt.Errorf("release %d: %w", r.Permits, err)
	}
	end.Done()
	return nil
}

// acquireSomehow tries, waits, or waits by a ticket.
func (c linear) acquireSomehow(r lock.PermitRequest) (hold lock.Hold, try bool, err error) {
	switch rand.IntN(3) {
	case 0:
		hold, err = c.m.Locks.AcquirePermits(patient(c.t), r, 0)
		return hold, true, err
	case 1:
		hold, err = c.m.Locks.AcquirePermits(patient(c.t), r, forever)
		return hold, false, err
	}
	if hold, err = c.m.Locks.EnqueuePermits(patient(c.t), r); err == nil {
		hold, err = c.m.Locks.Await(patient(c.t), hold.Ticket, forever)
	}
	return hold, false, err
}

// lookAtPermits notes who has permits.
func (c linear) lookAtPermits(h *history.History) error {
	look := h.Look()
	s, err := c.m.Locks.Semaphore(patient(c.t), h.Name(), 0, 1000, lock.Read{Linearizable: true})
	if err != nil {
		return fmt.Errorf("look: %w", err)
	}
	look.Saw(holders(s.Holders)...)
	return nil
}
