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
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A probe is a well-behaved client that takes and gives up a lock at one member, over and over,
// and measures how long that takes, requests sent again for a limit that was reached included.
// Others' faults must not be felt by it.
type probe struct {
	end    func() // closes its client
	cancel context.CancelFunc
	wg     sync.WaitGroup // counts the goroutine that probes

	mu     sync.Mutex
	took   []time.Duration
	faults []string
}

// probing starts a probe of m over REST.
func probing(t *testing.T, c *clustertest.Cluster, m *clustertest.Member) *probe {
	t.Helper()
	client := c.Client(clustertest.ClientOptions{Endpoints: []string{m.URL()}})
	l, err := client.Open(t.Context(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	name := "probe/" + l.Session
	return probeBy(t, client.Close, func(ctx context.Context) error {
		h, err := client.Acquire(ctx, name, clustertest.Acquire{Session: l.Session})
		if err != nil {
			return err
		}
		_, err = client.Release(ctx, name, l.Session, h.Token)
		return err
	})
}

// streaming starts a probe of m over a stream.
func streaming(t *testing.T, m *clustertest.Member) *probe {
	t.Helper()
	client := dial(t, []string{m.URL()}, sdk.WithTTL(10*time.Second))
	mutex := client.Mutex("probe/stream/" + m.Name)
	return probeBy(t, func() {}, func(ctx context.Context) error { // dial closes it
		h, err := mutex.Lock(ctx)
		if err != nil {
			return err
		}
		return h.Unlock(ctx)
	})
}

// probeBy starts a probe that calls cycle over and over. end is called when that is over.
func probeBy(t *testing.T, end func(), cycle func(context.Context) error) *probe {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &probe{end: end, cancel: cancel}
	p.wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			p.measure(ctx, func() error { return cycle(ctx) })
		}
	})
	return p
}

func (p *probe) measure(ctx context.Context, do func() error) {
	start := time.Now()
	err := do()
	took := time.Since(start)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, took) // at least, where the probe is over
	if err != nil && ctx.Err() == nil && len(p.faults) < 5 {
		p.faults = append(p.faults, fmt.Sprintf("after %v: %v", took, err))
	}
}

// slowest is what a probe takes at most, an acquire and a release, whatever others do. It leaves
// room for a machine of two cores, which the probe shares with three members and with 10,000
// clients under the race detector; alone, it takes a tenth of this at most.
const slowest = 5 * time.Second

// slow is what all but one in a hundred cycles of a probe take at most.
const slow = 2 * time.Second

// check ends the probe, logs what it measured, and fails the test if it was disturbed.
func (p *probe) check(t *testing.T, during string) {
	t.Helper()
	p.cancel()
	p.wg.Wait()
	p.end()
	if len(p.took) == 0 {
		t.Errorf("%s: the probe was never answered", during)
		return
	}
	slices.Sort(p.took)
	at := func(q float64) time.Duration { return p.took[int(q*float64(len(p.took)-1))] }
	t.Logf("%s: %d probes, median %v, p99 %v, longest %v", during, len(p.took), at(0.5), at(0.99), at(1))
	if at(0.99) > slow {
		t.Errorf("%s: one probe in a hundred took %v or more; want at most %v", during, at(0.99), slow)
	}
	if at(1) > slowest {
		t.Errorf("%s: a probe took %v; want at most %v", during, at(1), slowest)
	}
	for _, f := range p.faults {
		t.Errorf("%s: a probe failed: %s", during, f)
	}
}
