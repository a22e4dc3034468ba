package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestOverLeaders works while leadership moves around.
func TestOverLeaders(t *testing.T) {
	members := membertest.Start(t, 3)
	t.Run("exactly once", func(t *testing.T) { exactlyOnce(t, members) })
	t.Run("in order", func(t *testing.T) { inOrder(t, members) })
	t.Run("refusals", func(t *testing.T) { trueRefusals(t, members) })
}

// exactlyOnce has many callers at all members create numbered znodes: each gets one answer, each
// answer is one znode, and no znode is without one.
func exactlyOnce(t *testing.T, members []*membertest.Member) {
	const callers = 24
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var flapping sync.WaitGroup
	var moves int
	running, end := context.WithTimeout(ctx, 4*time.Second)
	defer end()
	flapping.Go(func() { moves = membertest.Flap(running, members, 150*time.Millisecond) })

	made := make([][]string, callers)
	zxids := make([][]int64, callers)
	var wg sync.WaitGroup
	for c := range callers {
		m := members[c%len(members)]
		wg.Go(func() {
			for i := 0; running.Err() == nil; i++ {
				out, err := m.Store.Do(ctx, numbered(fmt.Sprintf("/q/c%02d-", c)))
				if err != nil || out.Code != znode.OK {
					t.Errorf("caller %d: %v, %v", c, out.Code, err)
					return
				}
				made[c] = append(made[c], out.Results[0].Path)
				zxids[c] = append(zxids[c], out.Zxid)
				if _, ok := data(m, out.Results[0].Path); !ok {
					t.Errorf("caller %d cannot read %s after its answer", c, out.Results[0].Path)
				}
			}
		})
	}
	wg.Wait()
	flapping.Wait()
	if moves < 5 {
		t.Errorf("leadership moved %d times only", moves)
	}

	total := 0
	seen := map[int64]bool{}
	for c := range made {
		total += len(made[c])
		if !slices.IsSorted(zxids[c]) {
			t.Errorf("caller %d: its zxids do not grow", c)
		}
		for _, path := range made[c] {
			seq, ok := znode.Sequence(path)
			if !ok || seen[seq] {
				t.Fatalf("%s was given twice, or has no number", path)
			}
			seen[seq] = true
		}
	}
	for i := range int64(total) {
		if !seen[i] {
			t.Fatalf("number %d of %d was given to nobody: something was done twice", i, total)
		}
	}
	for _, m := range members {
		if err := m.Store.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(children(m, "/q")); n != total {
			t.Errorf("%s has %d znodes; %d were answered", m.Name(), n, total)
		}
	}
	membertest.Same(t, members...)
	t.Logf("%d creates over %d changes of leader", total, moves)
}

// inOrder starts requests without waiting for answers: they happen in the
// order in which they were started, and are answered in it.
func inOrder(t *testing.T, members []*membertest.Member) {
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	var flapping sync.WaitGroup
	flapping.Go(func() { membertest.Flap(ctx, members, 200*time.Millisecond) })

	var wg sync.WaitGroup
	for _, m := range members {
		wg.Go(func() {
			dir := "/" + m.Name()
			var mu sync.Mutex
			var got []int64
			slots := make(chan struct{}, 200)
			for i := 0; ctx.Err() == nil; i++ {
				slots <- struct{}{}
				err := m.Store.Start(numbered(dir+"/n"), func(o znode.Outcome, err error) {
					defer func() { <-slots }()
					if err != nil || o.Code != znode.OK {
						t.Errorf("%s: %v, %v", m.Name(), o.Code, err)
						return
					}
					seq, _ := znode.Sequence(o.Results[0].Path)
					mu.Lock()
					got = append(got, seq)
					mu.Unlock()
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
			for range cap(slots) { // wait for all
				slots <- struct{}{}
			}
			for i, seq := range got {
				if seq != int64(i) {
					t.Errorf("%s: answer %d is of number %d", m.Name(), i, seq)
					return
				}
			}
			t.Logf("%s: %d in order", m.Name(), len(got))
		})
	}
	wg.Wait()
	flapping.Wait()
	membertest.Same(t, members...)
}

// trueRefusals sends pairs of which the second is refused exactly if the first was
// done: a refusal that comes from a deposed leader would be wrong.
func trueRefusals(t *testing.T, members []*membertest.Member) {
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	var flapping sync.WaitGroup
	flapping.Go(func() { membertest.Flap(ctx, members, 200*time.Millisecond) })
	var wg sync.WaitGroup
	for c := range 12 {
		m, path := members[c%3], fmt.Sprintf("/r%d", c)
		wg.Go(func() {
			for ctx.Err() == nil {
				for _, step := range []struct {
					r    *znode.Request
					want znode.Code
				}{
					{create(path), znode.OK},
					{create(path), znode.ErrNodeExists},
					{remove(path), znode.OK},
					{remove(path), znode.ErrNoNode},
				} {
					out, err := m.Store.Do(t.Context(), step.r)
					if err != nil || out.Code != step.want {
						t.Errorf("%s: %v, %v; want %v", path, out.Code, err, step.want)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	flapping.Wait()
}
