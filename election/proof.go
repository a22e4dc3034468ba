package election

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
)

// A proof is when this member was last seen to be current: a sync that began then has returned, so
// the tree has had since whatever was committed before.
type proof struct {
	running bool // somebody is at it
	since   time.Duration
	some    bool
	changed chan struct{} // closed at every attempt's end, and replaced
}

// good returns for how long the proof counts yet.
func (p *proof) good(now, staleAfter time.Duration) time.Duration {
	if !p.some {
		return 0
	}
	return p.since + staleAfter - now
}

// proveLocked has somebody prove, for as long as there are observers, that this member is current.
func (e *Elections) proveLocked() {
	if e.proof.running {
		return
	}
	e.proof.running = true
	e.wg.Go(e.prove)
}

func (e *Elections) prove() {
	tick := time.NewTicker(e.cfg.CheckEvery)
	defer tick.Stop()
	for {
		begun := clock.Boot()
		ctx, cancel := context.WithTimeout(e.ctx, e.cfg.StaleAfter)
		err := e.store.Sync(ctx)
		cancel()
		e.mu.Lock()
		if err == nil {
			e.proof.since, e.proof.some = begun, true
		}
		close(e.proof.changed)
		e.proof.changed = make(chan struct{})
		if e.observers == 0 || e.ctx.Err() != nil {
			e.proof.running = false
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		select {
		case <-tick.C:
		case <-e.ctx.Done():
		}
	}
}
