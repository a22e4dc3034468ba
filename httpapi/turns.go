package httpapi

import (
	"context"
	"runtime"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

// longPage is the number of entries above which an answer takes milliseconds to make, so that
// such answers take turns.
const longPage = 100

// newTurns returns as many turns as half the processors, so that however many long answers are
// asked for, the other half is there for everybody else.
func newTurns() chan struct{} { return make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)) }

// turn waits until an answer of up to limit entries may be made; a short one need not wait. The
// caller must call done once the answer is made, before it is sent: a client that does not read
// must not keep its turn. Nor must a read that waits for the quorum: it waits before, and is
// fresh then without more ado. The error is [store.ErrBusy] where ctx ends first, or that of
// the wait.
func (a *API) turn(ctx context.Context, limit int, fresh *lock.Read) (done func(), err error) {
	if limit <= longPage {
		return func() {}, nil
	}
	if *fresh != (lock.Read{}) {
		if _, err := a.cfg.Locks.List(ctx, "", "", 1, *fresh); err != nil {
			return nil, err
		}
		*fresh = lock.Read{} // this member's tree has reached it
	}
	select {
	case a.turns <- struct{}{}:
		return func() { <-a.turns }, nil
	case <-ctx.Done():
		return nil, store.ErrBusy
	}
}

// taking is turn for a request, which gives the turn back before its answer is sent. It begins the
// request's work.
func (c *call) taking(limit int, fresh *lock.Read) (ctx context.Context, err error) {
	ctx = c.bounded()
	c.done, err = c.api.turn(ctx, limit, fresh)
	return ctx, err
}

func (c *call) giveTurn() {
	if c.done != nil {
		c.done()
		c.done = nil
	}
}
