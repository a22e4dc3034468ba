package sdk

import (
	"context"
	"fmt"
	"time"
)

// guardLocked starts what a hold's options ask for. A hold without such options has none.
func (c *Client) guardLocked(h *Hold) {
	if h.cfg.maxHold == 0 && h.cfg.check == nil && h.cfg.onState == nil || c.ctx.Err() != nil {
		return
	}
	h.told = make(chan struct{}, 1)
	c.wg.Go(func() { h.guard() })
}

// tell has the guard look at the state.
func (h *Hold) tell() {
	if h.told == nil {
		return
	}
	select {
	case h.told <- struct{}{}:
	default:
	}
}

// guard watches over a hold until it is lost or released: it tells its state, ends it when it has
// been held for too long, and has its progress checked.
func (h *Hold) guard() {
	c := h.session.client
	tick := time.NewTicker(watch)
	defer tick.Stop()
	var limit <-chan time.Time
	if h.limit != 0 {
		t := time.NewTimer(h.cfg.maxHold)
		defer t.Stop()
		limit = t.C
	}
	var checks chan error
	if h.cfg.check != nil {
		checks = make(chan error)
		ctx, cancel := context.WithCancel(h.Context())
		done := make(chan struct{})
		go func() { // waited for below
			defer close(done)
			h.progress(ctx, checks)
		}()
		defer func() { cancel(); <-done }()
	}
	told, ending := State(0), false
	for {
		if s := h.State(); s != told {
			told = s
			if h.cfg.onState != nil {
				h.cfg.onState(h, s)
			}
			if s == Lost || s == Released {
				return
			}
		}
		if ending {
			return
		}
		select {
		case <-tick.C:
		case <-h.told:
		case <-limit:
		case err := <-checks:
			h.giveUp(fmt.Errorf("%w: %w", ErrNoProgress, err))
			checks = nil
		case <-c.ctx.Done():
			ending = true // once more, for the last state
		}
	}
}

// progress calls the check, every so often, until it fails or ctx ends, and tells of the failure.
func (h *Hold) progress(ctx context.Context, failed chan<- error) {
	tick := time.NewTicker(h.cfg.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := h.checkOnce(ctx); err != nil {
			select {
			case failed <- err:
			case <-ctx.Done():
			}
			return
		}
	}
}

// checkOnce runs the check and gives it until the next one is due.
func (h *Hold) checkOnce(ctx context.Context) error {
	within, cancel := context.WithTimeoutCause(ctx, h.cfg.every, fmt.Errorf("the check did not end within %v", h.cfg.every))
	defer cancel()
	result := make(chan error, 1)
	// A check that does not return outlives the hold it has cost; Close waits for it.
	h.session.client.wg.Go(func() { result <- h.cfg.check(within) })
	select {
	case err := <-result:
		return err
	case <-within.Done():
		if ctx.Err() != nil {
			return nil
		}
		return context.Cause(within)
	}
}
