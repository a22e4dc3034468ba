//go:build linux

package faults

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A probe is a well-behaved client that takes and gives up a lock at one member, over and over,
// and measures how long that takes, requests sent again for a limit that was reached included.
// Others' faults must not be felt by it.
type probe struct {
	client *clustertest.Client
	cancel context.CancelFunc
	wg     sync.WaitGroup // counts run

	mu     sync.Mutex
	took   []time.Duration
	faults []string
}

// probing starts a probe of m.
func probing(t *testing.T, c *clustertest.Cluster, m *clustertest.Member) *probe {
	t.Helper()
	p := &probe{client: c.Client(clustertest.ClientOptions{Endpoints: []string{m.URL()}})}
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel
	l, err := p.client.Open(ctx, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	name := "probe/" + l.Session
	p.wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			p.measure(ctx, func() error {
				h, err := p.client.Acquire(ctx, name, clustertest.Acquire{Session: l.Session})
				if err != nil {
					return err
				}
				_, err = p.client.Release(ctx, name, l.Session, h.Token)
				return err
			})
		}
	})
	return p
}

func (p *probe) measure(ctx context.Context, do func() error) {
	start := time.Now()
	err := do()
	took := time.Since(start)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, took)
	if err != nil && len(p.faults) < 5 {
		p.faults = append(p.faults, fmt.Sprintf("after %v: %v", took, err))
	}
}

// slowest is what a probe takes at most, an acquire and a release, whatever others do. It leaves
// room for a machine of two cores, which the probe shares with three members and with 10,000
// clients under the race detector; alone, it takes a tenth of this at most.
const slowest = 5 * time.Second

// check ends the probe, logs what it measured, and fails the test if it was disturbed.
func (p *probe) check(t *testing.T, during string) {
	t.Helper()
	p.cancel()
	p.wg.Wait()
	p.client.Close()
	if len(p.took) == 0 {
		t.Errorf("%s: the probe was never answered", during)
		return
	}
	slices.Sort(p.took)
	at := func(q float64) time.Duration { return p.took[int(q*float64(len(p.took)-1))] }
	t.Logf("%s: %d probes, median %v, p99 %v, longest %v", during, len(p.took), at(0.5), at(0.99), at(1))
	if at(1) > slowest {
		t.Errorf("%s: a probe took %v; want at most %v", during, at(1), slowest)
	}
	for _, f := range p.faults {
		t.Errorf("%s: a probe failed: %s", during, f)
	}
}
