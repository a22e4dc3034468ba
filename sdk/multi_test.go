package sdk

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// The context of several locks looks at the clock as that of each does: a program that wakes sees the
// loss at once, before any timer has run.
func TestTheContextOfSeveralLocksLooksAtTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asleep atomic.Int64
		f := newFakeCluster(fakeTTL)
		f.after = func(s *fakeStream, r *wire.Frame) bool {
			if r.Kind == wire.AcquireAll {
				s.sendLocked(&wire.Frame{
					Kind: wire.OK, ID: r.ID, State: wire.Held, Names: r.Names, Contenders: []wire.Contender{{Token: 7}, {Token: 7}},
				})
			}
			return r.Kind != wire.AcquireAll
		}
		c := f.client(t, func(cfg *config) {
			clock := cfg.clock
			cfg.clock = func() time.Duration { return clock() + time.Duration(asleep.Load()) }
		})
		m, err := c.MultiLock([]string{"x", "y"}).Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx := m.Context()
		if ctx.Err() != nil || m.Err() != nil {
			t.Fatalf("held: %v, %v", ctx.Err(), m.Err())
		}
		asleep.Store(int64(fakeTTL))
		if err := ctx.Err(); err == nil {
			t.Error("the context goes on")
		}
		wantError(t, "the cause", context.Cause(ctx), ErrSessionLost)
	})
}

// Several locks that keep every client away are asked for as such.
func TestCompatOfSeveralLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		var asked []string
		f.refuse = func(r *wire.Frame) *wire.Frame {
			if r.Kind != wire.AcquireAll {
				return nil
			}
			asked = append(asked, r.Compat)
			return &wire.Frame{Code: wire.CodeTooManyWaiters}
		}
		c := f.client(t)
		for _, opts := range [][]LockOption{nil, {WithCompatAll()}} {
			_, err := c.MultiLock([]string{"x", "y"}, opts...).Lock(t.Context())
			wantError(t, "Lock", err, ErrTooManyWaiters)
		}
		f.with(func() {
			if len(asked) != 2 || asked[0] != "" || asked[1] != compatAll {
				t.Errorf("compat %q", asked)
			}
		})
	})
}
