package lock_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

func TestAcquireAll(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	names := []string{"all/c", "all/a", "all/b"}
	t.Run("all free", func(t *testing.T) {
		s := session(t, m)
		holds, err := m.Locks.AcquireAll(patient(t), names, lock.Request{Session: s, RequestID: "r"}, 0)
		if err != nil || len(holds) != 3 || holds[0].Name != "all/a" || holds[2].Name != "all/c" {
			t.Fatalf("acquire all: %+v, %v", holds, err)
		}
		for _, h := range holds {
			if h.State != lock.Held || h.Token != holds[0].Token || h.Revision != holds[0].Revision || h.Deadline.IsZero() {
				t.Errorf("%+v", h)
			}
		}
		again, err := m.Locks.AcquireAll(patient(t), names, lock.Request{Session: s, RequestID: "r"}, 0)
		if err != nil || len(again) != 3 || !again[1].Repeated || again[1].Token != holds[1].Token {
			t.Errorf("again: %+v, %v", again, err)
		}
		dones, err := m.Locks.ReleaseAll(patient(t), names, lock.Release{Session: s})
		if err != nil || len(dones) != 3 || dones[0].Revision != dones[2].Revision || dones[0].Token != holds[0].Token {
			t.Errorf("release all: %+v, %v", dones, err)
		}
		if dones, err = m.Locks.ReleaseAll(patient(t), names, lock.Release{Session: s}); err != nil || !dones[0].Repeated {
			t.Errorf("release all again: %+v, %v", dones, err)
		}
	})
	t.Run("none, where one is held", func(t *testing.T) {
		h := acquire(t, m, lock.Request{Name: "all/b", Owner: "somebody"})
		for _, wait := range []time.Duration{0, 50 * time.Millisecond} {
			for _, s := range []lease.ID{0, session(t, m)} {
				_, err := m.Locks.AcquireAll(patient(t), names, lock.Request{Session: s}, wait)
				if e, ok := errors.AsType[*lock.HeldError](err); !ok || e.Name != "all/b" || e.Holder.Owner != "somebody" {
					t.Errorf("wait %v: %v", wait, err)
				}
			}
		}
		for _, name := range []string{"all/a", "all/c"} {
			length(t, m, name, 0)
		}
		release(t, m, lock.Release{Name: "all/b", Session: h.Session})
	})
	t.Run("waits", func(t *testing.T) {
		h := acquire(t, m, lock.Request{Name: "all/c"})
		s := session(t, m)
		got := make(chan error, 1)
		go func() {
			_, err := m.Locks.AcquireAll(patient(t), names, lock.Request{Session: s}, forever)
			got <- err
		}()
		length(t, m, "all/c", 2)
		release(t, m, lock.Release{Name: "all/c", Session: h.Session})
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		if _, err := m.Locks.ReleaseAll(patient(t), names, lock.Release{Session: s}); err != nil {
			t.Error(err)
		}
	})
	t.Run("bad input", func(t *testing.T) {
		for _, bad := range [][]string{nil, {"a", "a"}, {"/a"}, make([]string, 101)} {
			if _, err := m.Locks.AcquireAll(patient(t), bad, lock.Request{}, 0); !errors.As(err, new(*lease.InputError)) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

// TestAllWithoutDeadlock: many ask for several of few locks, named in any order; nobody waits for
// ever, and no lock is ever held twice.
func TestAllWithoutDeadlock(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	var holders [5]atomic.Int32
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			s := session(t, m)
			for i := range 15 {
				var picked []int
				for k := range 3 {
					if n := (w*7 + i*3 + k*(1+i%4)) % 5; !slices.Contains(picked, n) {
						picked = append(picked, n)
					}
				}
				var names []string
				for _, n := range picked {
					names = append(names, fmt.Sprint("dining/", n))
				}
				if _, err := m.Locks.AcquireAll(membertest.Context(t, quorumtest.Patience), names, lock.Request{Session: s}, forever); err != nil {
					t.Errorf("acquire %q: %v", names, err)
					return
				}
				for _, n := range picked {
					if holders[n].Add(1) != 1 {
						t.Errorf("lock %d is held twice", n)
					}
				}
				for _, n := range picked {
					holders[n].Add(-1)
				}
				if _, err := m.Locks.ReleaseAll(patient(t), names, lock.Release{Session: s}); err != nil {
					t.Errorf("release %q: %v", names, err)
				}
			}
		})
	}
	wg.Wait()
}
