//go:build linux

package clients

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A semaphoreView is a semaphore, as REST shows it.
type semaphoreView struct {
	Limit   int                     `json:"limit"`
	InUse   int                     `json:"in_use"`
	Waiting int                     `json:"waiting"`
	Holders []clustertest.Contender `json:"holders"`
}

// viewed waits until a semaphore looks as it should.
func (o *ours) viewed(ctx context.Context, t *testing.T, name, what string, want func(v *semaphoreView) bool) (v semaphoreView) {
	t.Helper()
	clustertest.Eventually(t, patience, what, func() bool {
		v = semaphoreView{}
		err := o.rest.Do(ctx, http.MethodGet, "/v1/semaphores/"+name+"?consistency=linearizable", nil, 0, &v)
		return err == nil && want(&v)
	})
	return v
}

func (o *ours) limit(ctx context.Context, t *testing.T, name string, n int) {
	t.Helper()
	if err := o.rest.Do(ctx, http.MethodPut, "/v1/semaphores/"+name, map[string]any{"limit": n}, 0, &struct{}{}); err != nil {
		t.Fatal(err)
	}
}

// TestSemaphores has Curator's InterProcessSemaphoreV2, with a SharedCount for its limit, and ours
// share permits, in both orders; it shows 121.
func TestSemaphores(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	o := allDoors(t, cluster)
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	one := ask{permits: 1, owner: "ours"}

	t.Run("ours first", func(t *testing.T) {
		const name = "mixed/ours"
		first := o.holds(ctx, t, name, ask{permits: 2, limit: 2})
		theirs := contend(t, cluster, curator("semaphore"), "/"+name)
		o.viewed(ctx, t, name, "Curator waits with its lease", func(v *semaphoreView) bool { return v.Waiting == 1 && v.InUse == 3 })
		behind := o.asks(ctx, t, name, one)
		o.viewed(ctx, t, name, "ours waits behind it", func(v *semaphoreView) bool { return v.Waiting == 2 })
		theirs.silent(t)
		behind.waits(t)
		released(ctx, t, first)
		theirs.says(t, "held")
		h := behind.holds(t)
		o.tried(ctx, t, "a third of two", name, one, false)
		o.viewed(ctx, t, name, "two hold", func(v *semaphoreView) bool { return v.InUse == 2 && v.Limit == 2 && v.Waiting == 0 })
		next := o.asks(ctx, t, name, one)
		o.viewed(ctx, t, name, "the next waits", func(v *semaphoreView) bool { return v.Waiting == 1 })
		next.waits(t)
		theirs.tell(t, "return")
		theirs.says(t, "returned")
		released(ctx, t, h, next.holds(t))
	})

	t.Run("Curator first", func(t *testing.T) {
		const name = "mixed/theirs"
		theirs := contend(t, cluster, curator("semaphore"), "/"+name)
		theirs.says(t, "held")
		o.holds(ctx, t, name, one) // its shared count says 2
		waits := o.asks(ctx, t, name, one)
		o.viewed(ctx, t, name, "a third of two waits", func(v *semaphoreView) bool { return v.Waiting == 1 })
		waits.waits(t)
		theirs.tell(t, "3")
		theirs.says(t, "set")
		waits.holds(t) // Curator has raised the limit
		second := contend(t, cluster, curator("semaphore"), "/"+name)
		o.viewed(ctx, t, name, "a second Curator waits", func(v *semaphoreView) bool { return v.Waiting == 1 && v.InUse == 4 && v.Limit == 3 })
		second.silent(t)
		o.limit(ctx, t, name, 4)
		second.says(t, "held")
		v := o.viewed(ctx, t, name, "all hold", func(v *semaphoreView) bool { return v.Waiting == 0 && v.InUse == 4 })
		ours := 0
		for _, h := range v.Holders {
			if h.Owner == "ours" {
				ours++
			}
		}
		if len(v.Holders) != 4 || ours != 2 || v.Limit != 4 {
			t.Errorf("the view is %+v", v)
		}
		theirs.tell(t, "return")
		theirs.says(t, "returned")
	})

	t.Run("contended", func(t *testing.T) {
		const name, limit = "mixed/contended", 3
		var out, most, rounds atomic.Int64
		took := func(n int) {
			now := out.Add(int64(n))
			for {
				if before := most.Load(); now <= before || most.CompareAndSwap(before, now) {
					break
				}
			}
			rounds.Add(1)
			clustertest.Pass(t, 20*time.Millisecond)
			out.Add(int64(-n))
		}
		o.limit(ctx, t, name, limit)
		var wg sync.WaitGroup
		for range 2 {
			c := contend(t, cluster, curator("semaphore"), "/"+name)
			wg.Go(func() {
				for i := range 8 {
					if word, err := c.hear(3 * patience); word != "held" {
						t.Errorf("Curator is not served: %q, %v", word, err)
						return
					}
					took(1)
					word := "again"
					if i == 7 {
						word = "return"
					}
					if err := c.host.send("tell", c.id, word); err != nil {
						t.Error(err)
						return
					}
					if word, err := c.hear(3 * patience); word != "returned" {
						t.Errorf("Curator does not return its lease: %q, %v", word, err)
						return
					}
				}
			})
		}
		cli := byCLI(t, cluster)
		for w, times := range []int{25, 25, 25, 6} {
			wg.Go(func() {
				for i := range times {
					n, d := 1+(w+i)%2, door(o.program())
					if w == 3 {
						d = cli // which takes its time
					}
					h, err := d.take(ctx, name, ask{permits: n})
					if err != nil {
						t.Errorf("acquire %d by %v: %v", n, d, err)
						return
					}
					took(n)
					if err := h.release(ctx); err != nil {
						t.Errorf("release %d by %v: %v", n, d, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if most.Load() > limit {
			t.Errorf("%d permits were out of %d", most.Load(), limit)
		}
		v := o.viewed(ctx, t, name, "all is given back", func(v *semaphoreView) bool { return v.InUse == 0 && v.Waiting == 0 })
		t.Logf("%d holds, at most %d permits out at once; limit %d", rounds.Load(), most.Load(), v.Limit)
	})
}
