//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A shared counts who is at work under a lock of readers and writers, and under two locks that are
// taken together.
type shared struct {
	readers, writers atomic.Int32
	both             [2]atomic.Int32
	highest          atomic.Int64 // token of a writer
	holds, mostRead  atomic.Int32
}

// wrote notes a writer's turn, and tells what is wrong with it.
func (s *shared) wrote(token sdk.Token) error {
	w, r := s.writers.Add(1), s.readers.Load()
	defer s.writers.Add(-1)
	s.holds.Add(1)
	if w != 1 || r != 0 {
		return fmt.Errorf("%d write and %d read at once", w, r)
	}
	if before := s.highest.Swap(int64(token)); before >= int64(token) {
		return fmt.Errorf("token %d after %d", token, before)
	}
	return nil
}

func (s *shared) read() error {
	r := s.readers.Add(1)
	defer s.readers.Add(-1)
	s.holds.Add(1)
	if r > s.mostRead.Load() {
		s.mostRead.Store(r)
	}
	if w := s.writers.Load(); w != 0 {
		return fmt.Errorf("%d write while %d read", w, r)
	}
	return nil
}

// TestModesSurvive has readers, writers and those who take two locks together contend through three
// members, while the leader is killed twice, and a writer with its machine, so to say, once.
func TestModesSurvive(t *testing.T) {
	beside(t, works)
	const kills, apart, ttl = 2, 2 * time.Second, 3 * time.Second
	c := clustertest.Start(t, 3, clustertest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := make(chan struct{})
	var s shared
	var wg sync.WaitGroup
	for i := range 6 {
		endpoints := c.Endpoints()
		client := dial(t, append(endpoints[i%3:], endpoints[:i%3]...), sdk.WithTTL(15*time.Second))
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.turn(ctx, client, i+n); err != nil {
					t.Errorf("client %d, turn %d: %v", i, n, err)
					return
				}
			}
		})
	}
	holder := underLock(t, c, "modes/rw", "echo ready > \"$1/ready\"; exec sleep 60", "--mode", "write", "--ttl", ttl.String())
	if holder.pid(t, "ready") != "ready" {
		t.Fatal("the writer that is to be killed does not hold")
	}
	held := s.holds.Load()
	holder.signal(t, syscall.SIGKILL)
	killed := time.Now()
	clustertest.Eventually(t, clustertest.Patience, "others go on", func() bool { return s.holds.Load() > held+20 })
	passed := time.Since(killed)

	for range kills {
		clustertest.Pass(t, apart)
		leader := c.WaitLeader(t)
		leader.Kill(t)
		c.WaitLeader(t)
		leader.Restart(t)
		c.WaitReady(t, leader)
	}
	clustertest.Pass(t, apart)
	close(stop)
	wg.Wait()
	t.Logf("%d turns, up to %d read at once; after a writer was killed others went on within %v (TTL %v)", s.holds.Load(), s.mostRead.Load(), passed, ttl)
}

// turn takes one turn: to read, to write, to write and then read, or with both of two locks.
func (s *shared) turn(ctx context.Context, c *sdk.Client, n int) error {
	m := c.RWMutex("modes/rw")
	switch n % 6 {
	case 0:
		h, err := m.Lock(ctx)
		if err != nil {
			return err
		}
		return errors.Join(s.wrote(h.Token()), h.Unlock(ctx))
	case 1:
		h, err := m.Lock(ctx)
		if err != nil {
			return err
		}
		if err := s.wrote(h.Token()); err != nil {
			return err
		}
		return errors.Join(m.Downgrade(ctx, h), s.read(), h.Unlock(ctx))
	case 2:
		h, err := c.MultiLock([]string{"modes/b", "modes/a"}).Lock(ctx)
		if err != nil {
			return err
		}
		for i := range s.both {
			if n := s.both[i].Add(1); n != 1 {
				err = fmt.Errorf("%d hold one of two locks", n)
			}
		}
		for i := range s.both {
			s.both[i].Add(-1)
		}
		return errors.Join(err, h.Unlock(ctx))
	default:
		h, err := m.RLock(ctx)
		if err != nil {
			return err
		}
		return errors.Join(s.read(), h.Unlock(ctx))
	}
}
