// Package quorumtest starts members of a quorum for tests: in temporary directories, on free
// ports of 127.0.0.1, without fsync, quiet, and closed when the test ends.
package quorumtest

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/freeport"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// Patience is how long the helpers wait for anything before they fail the test.
const Patience = 30 * time.Second

// Config returns the configuration of a member of its own, with heartbeats of 50 ms and an
// election time-out of 500 ms. Change it as the test needs before Start.
func Config(tb testing.TB, name string) quorum.Config {
	tb.Helper()
	ports := freeport.Ports(tb, 2)
	return quorum.Config{
		Name:      name,
		DataDir:   filepath.Join(tb.TempDir(), "data"),
		PeerURL:   fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		ClientURL: fmt.Sprintf("http://127.0.0.1:%d", ports[1]),
		Heartbeat: 50 * time.Millisecond,
		Election:  500 * time.Millisecond,
		NoFsync:   true,
	}
}

// Configs returns the configurations of a new cluster of n members, named m1 to mN.
func Configs(tb testing.TB, n int) []quorum.Config {
	tb.Helper()
	list, initial := make([]quorum.Config, n), map[string]string{}
	for i := range list {
		list[i] = Config(tb, fmt.Sprintf("m%d", i+1))
		initial[list[i].Name] = list[i].PeerURL
	}
	for i := range list {
		list[i].InitialCluster = initial
	}
	return list
}

// Start starts a member without waiting until it is ready. It is closed when tb ends.
func Start(tb testing.TB, cfg quorum.Config) *quorum.Member {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Patience)
	defer cancel()
	m, err := quorum.Start(ctx, cfg)
	if err != nil {
		tb.Fatalf("start %s: %v", cfg.Name, err)
	}
	tb.Cleanup(func() { Close(tb, m) })
	return m
}

// Close closes m, unless it is closed already.
func Close(tb testing.TB, m *quorum.Member) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := m.Close(ctx); err != nil {
		tb.Errorf("close %s: %v", m.Name(), err)
	}
}

// Ready waits until all members are ready.
func Ready(tb testing.TB, members ...*quorum.Member) {
	tb.Helper()
	timeout := time.After(Patience)
	for _, m := range members {
		select {
		case <-m.Ready():
		case <-m.Stopped():
			tb.Fatalf("%s stopped: %v", m.Name(), m.Err())
		case <-timeout:
			tb.Fatalf("%s is not ready after %v: %+v", m.Name(), Patience, m.Status())
		}
	}
}

// StartOne starts a member alone and waits until it is ready.
func StartOne(tb testing.TB) *quorum.Member {
	tb.Helper()
	m := Start(tb, Config(tb, "m1"))
	Ready(tb, m)
	return m
}

// StartThree starts a cluster of three and waits until all of them are ready.
func StartThree(tb testing.TB) [3]*quorum.Member {
	tb.Helper()
	var members [3]*quorum.Member
	for i, cfg := range Configs(tb, 3) {
		members[i] = Start(tb, cfg)
	}
	tb.Cleanup(func() { // all at once: the last ones need not look for a leader first
		var wg sync.WaitGroup
		for _, m := range members {
			wg.Go(func() { Close(tb, m) })
		}
		wg.Wait()
	})
	Ready(tb, members[:]...)
	return members
}

// Eventually polls until done reports true, and fails the test, saying what it waited for, when
// that takes longer than Patience.
func Eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatalf("waited in vain for: %s", what)
		}
	}
}

// Leader waits until one of members leads and the others know it, and returns it.
func Leader(tb testing.TB, members ...*quorum.Member) *quorum.Member {
	tb.Helper()
	var leader *quorum.Member
	Eventually(tb, "a leader", func() bool {
		leader = nil
		for _, m := range members {
			if m.IsLeader() {
				leader = m
			}
		}
		for _, m := range members {
			if leader == nil || m.Leader() != leader.ID() {
				return false
			}
		}
		return true
	})
	return leader
}
