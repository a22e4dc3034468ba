package lock_test

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/lockkeeper/lockkeeper/internal/history"
	"github.com/lockkeeper/lockkeeper/lock"
)

// modesTurn reads, or writes and perhaps reads on, looks, and gives the lock up.
func (c linear) modesTurn(h *history.History) error {
	r, wait := c.request(h.Name()), anyWait()
	if r.Mode = lock.ModeRead; rand.IntN(3) == 0 {
		r.Mode = lock.ModeWrite
	}
	take := h.Take(history.Claim{Owner: c.owner, Shared: r.Mode == lock.ModeRead})
	hold, err := c.m.Locks.Acquire(patient(c.t), r, wait)
	switch {
	case errors.Is(err, lock.ErrHeld) && wait != forever:
		missed(take, wait)
		return c.look(h)
	case err != nil:
		return fmt.Errorf("acquire in mode %s: %w", r.Mode, err)
	}
	take.Granted(int64(hold.Token))
	if r.Mode == lock.ModeWrite && rand.IntN(2) == 0 {
		share := h.Share(c.owner)
		down, err := c.m.Locks.Downgrade(patient(c.t), h.Name(), c.session, 0, hold.Token)
		if err != nil || down.Token != hold.Token {
			return fmt.Errorf("downgrade of %d: token %d, %w", hold.Token, down.Token, err)
		}
		share.Done()
	}
	if err := c.look(h); err != nil {
		return err
	}
	return c.release(h, hold.Token)
}
