package sdk

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// busy has a cluster refuse all that would take something.
func busy(f *fakeCluster) {
	f.refuse = func(r *wire.Frame) *wire.Frame {
		switch r.Kind {
		case wire.Acquire, wire.AcquireAll, wire.AcquirePermits, wire.Enqueue, wire.EnqueuePermits, wire.Campaign:
			return &wire.Frame{Code: wire.CodeTooManyWaiters}
		}
		return nil
	}
}

// TestOptionsOfOtherRecipes: no recipe takes an option without a word that it has no use for.
func TestOptionsOfOtherRecipes(t *testing.T) {
	options := map[string]LockOption{
		"WithReentrant": WithReentrant(), "WithLockDelay": WithLockDelay(time.Second), "WithCompatAll": WithCompatAll(),
		"WithCompatLatch": WithCompatLatch(), "WithDeadlock": WithDeadlock(DeadlockRefuse), "WithPermits": WithPermits(2),
		"WithPriority": WithPriority(1), "WithoutHandOver": WithoutHandOver(),
	}
	locks := []string{"WithReentrant", "WithLockDelay", "WithCompatAll", "WithDeadlock"}
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		busy(f)
		c := f.client(t)
		s, ctx := c.Session(), t.Context()
		for _, r := range []struct {
			name  string
			takes []string
			take  func(o LockOption) error
		}{
			{"Mutex", locks, func(o LockOption) error { _, err := s.Mutex("x", o).TryLock(ctx); return err }},
			{"Mutex, enqueue", locks, func(o LockOption) error { _, err := c.Mutex("x", o).Enqueue(ctx); return err }},
			{"RWMutex", locks, func(o LockOption) error { _, err := s.RWMutex("x", o).TryRLock(ctx); return err }},
			{"MultiLock", locks[1:], func(o LockOption) error { _, err := s.MultiLock([]string{"x"}, o).TryLock(ctx); return err }},
			{"Semaphore", []string{"WithPermits"}, func(o LockOption) error { _, err := s.Semaphore("x", o).TryAcquire(ctx, 1); return err }},
			{"Semaphore, enqueue", []string{"WithPermits"}, func(o LockOption) error { _, err := c.Semaphore("x", o).Enqueue(ctx, 1); return err }},
			{
				"Election",
				[]string{"WithCompatAll", "WithCompatLatch", "WithDeadlock", "WithPriority", "WithoutHandOver"},
				func(o LockOption) error { _, err := s.Election("x", o).TryCampaign(ctx, ""); return err },
			},
		} {
			for name, o := range options {
				err := r.take(o)
				e, refused := errors.AsType[*InputError](err)
				takes := strings.Contains(strings.Join(r.takes, " ")+" ", name+" ")
				switch {
				case takes && refused:
					t.Errorf("%s refuses %s: %v", r.name, name, err)
				case takes:
					wantError(t, r.name+" with "+name, err, ErrTooManyWaiters)
				case !refused:
					t.Errorf("%s takes %s: %v", r.name, name, err)
				case !strings.Contains(e.Fix, name):
					t.Errorf("%s, %s: %v does not name the option", r.name, name, err)
				}
			}
		}
	})
}

// Options of all that a client takes are refused likewise, but for the one that permits need not know.
func TestCommonOptionsOfOtherRecipes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		busy(f)
		c := f.client(t, WithLockOptions(WithReentrant()))
		_, err := c.Semaphore("x").TryAcquire(t.Context(), 1)
		wantError(t, "a semaphore, reentrant", err, ErrInput)
		_, err = c.Election("x").TryCampaign(t.Context(), "")
		wantError(t, "an election, reentrant", err, ErrInput)

		c = f.client(t, WithLockOptions(WithDeadlock(DeadlockRefuse)))
		_, err = c.Semaphore("x").TryAcquire(t.Context(), 1)
		wantError(t, "a semaphore", err, ErrTooManyWaiters)
	})
}
