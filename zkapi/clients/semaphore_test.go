//go:build linux

package clients

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestSemaphores has Curator's InterProcessSemaphoreV2, with a SharedCount for its limit, and ours
// share permits, in both orders; it shows 121.
func TestSemaphores(t *testing.T) {
	java := curator(t, "semaphore")
	cluster := clustertest.Start(t, 3, clustertest.Options{})

	t.Run("ours first", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		pool := dialSDK(ctx, t, cluster.Endpoints()...).Semaphore("mixed/ours", sdk.WithPermits(2), sdk.WithLockOwner("ours"))
		first, err := pool.Acquire(ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		curator := contend(t, cluster, "/mixed/ours", java)
		viewed(ctx, t, pool, "Curator waits with its lease", func(v *sdk.SemaphoreView) bool { return v.Waiting == 1 && v.InUse == 3 })
		behind, err := pool.Enqueue(ctx, 1)
		if err != nil || behind.Position() != 2 {
			t.Fatalf("behind Curator at %d, %v", behind.Position(), err)
		}
		curator.silent(t)
		if err := first.Unlock(ctx); err != nil {
			t.Fatal(err)
		}
		curator.says(t, "held")
		hold, err := behind.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, err = pool.TryAcquire(ctx, 1)
		if e, ok := errors.AsType[*sdk.PermitsError](err); !ok || !errors.Is(err, sdk.ErrNoPermits) || e.InUse != 2 || e.Limit != 2 {
			t.Errorf("a third of two: %v", err)
		}
		next, err := pool.Enqueue(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		curator.release(t)
		curator.says(t, "returned")
		last, err := next.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []*sdk.Hold{hold, last} {
			if err := h.Unlock(ctx); err != nil {
				t.Error(err)
			}
		}
	})

	t.Run("Curator first", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		pool := dialSDK(ctx, t, cluster.Endpoints()...).Semaphore("mixed/theirs", sdk.WithLockOwner("ours"))
		curator := contend(t, cluster, "/mixed/theirs", java)
		curator.says(t, "held")
		if _, err := pool.Acquire(ctx, 1); err != nil { // its shared count says 2
			t.Fatal(err)
		}
		waits, err := pool.Enqueue(ctx, 1)
		if err != nil || waits.Position() != 1 {
			t.Fatalf("a third of two at %d, %v", waits.Position(), err)
		}
		curator.tell(t, "3")
		curator.says(t, "set")
		if _, err := waits.Wait(ctx); err != nil {
			t.Fatalf("a limit that Curator has raised: %v", err)
		}
		second := contend(t, cluster, "/mixed/theirs", java)
		viewed(ctx, t, pool, "a second Curator waits", func(v *sdk.SemaphoreView) bool { return v.Waiting == 1 && v.InUse == 4 && v.Limit == 3 })
		second.silent(t)
		if err := pool.SetLimit(ctx, 4); err != nil {
			t.Fatal(err)
		}
		second.says(t, "held")
		v := viewed(ctx, t, pool, "all hold", func(v *sdk.SemaphoreView) bool { return v.Waiting == 0 && v.InUse == 4 })
		ours := 0
		for _, h := range v.Holders {
			if h.Owner == "ours" {
				ours++
			}
		}
		if len(v.Holders) != 4 || ours != 2 || v.Limit != 4 {
			t.Errorf("the view is %+v", v)
		}
		curator.release(t)
		curator.says(t, "returned")
	})

	t.Run("contended", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
		defer cancel()
		const limit = 3
		var out, most, rounds atomic.Int64
		took := func(n int64) {
			now := out.Add(n)
			for {
				if before := most.Load(); now <= before || most.CompareAndSwap(before, now) {
					break
				}
			}
			rounds.Add(1)
		}
		client := dialSDK(ctx, t, cluster.Endpoints()...)
		if err := client.Semaphore("mixed/contended").SetLimit(ctx, limit); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 2 {
			c := contend(t, cluster, "/mixed/contended", java)
			wg.Go(func() {
				for i := range 8 {
					if !c.hears(ctx, "held") {
						t.Error("Curator is not served")
						return
					}
					took(1)
					clustertest.Pass(t, 20*time.Millisecond)
					out.Add(-1)
					word := "again\n"
					if i == 7 {
						word = "\n"
					}
					if _, err := io.WriteString(c.in, word); err != nil {
						t.Error(err)
						return
					}
					if !c.hears(ctx, "returned") {
						t.Error("Curator does not return its lease")
						return
					}
				}
			})
		}
		for w := range 4 {
			pool := dialSDK(ctx, t, cluster.Endpoints()...).Semaphore("mixed/contended")
			wg.Go(func() {
				for i := range 25 {
					n := 1 + (w+i)%2
					h, err := pool.Acquire(ctx, n)
					if err != nil {
						t.Errorf("acquire %d: %v", n, err)
						return
					}
					took(int64(n))
					clustertest.Pass(t, 20*time.Millisecond)
					out.Add(int64(-n))
					if err := h.Unlock(ctx); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if most.Load() > limit {
			t.Errorf("%d permits were out of %d", most.Load(), limit)
		}
		v := viewed(ctx, t, client.Semaphore("mixed/contended"), "all is given back", func(v *sdk.SemaphoreView) bool { return v.InUse == 0 && v.Waiting == 0 })
		t.Logf("%d holds, at most %d permits out at once; limit %d", rounds.Load(), most.Load(), v.Limit)
	})
}

// hears reports whether the contender says want next.
func (c *contender) hears(ctx context.Context, want string) bool {
	select {
	case got := <-c.said:
		return got == want
	case <-ctx.Done():
		return false
	}
}

// viewed waits until a semaphore looks as it should.
func viewed(ctx context.Context, t *testing.T, s *sdk.Semaphore, what string, want func(*sdk.SemaphoreView) bool) (v sdk.SemaphoreView) {
	t.Helper()
	clustertest.Eventually(t, patience, what, func() bool {
		asked, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		var err error
		v, err = s.View(asked)
		return err == nil && want(&v)
	})
	return v
}
