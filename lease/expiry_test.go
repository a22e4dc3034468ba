package lease_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/internal/racetest"
	"github.com/lockkeeper/lockkeeper/lease"
)

// TestExpiryBounds touches sessions at every member for a while and then falls silent.
func TestExpiryBounds(t *testing.T) {
	members := membertest.Start(t, 3)
	const ttl = 2 * time.Second
	var wg sync.WaitGroup
	for i := range 30 {
		m := members[i%3]
		wg.Go(func() {
			id := open(t, m, lease.Options{TTL: ttl}).Session.ID
			for range i % 5 {
				if _, err := m.Sessions.Touch(patient(t), id, 0); err != nil {
					t.Error(err)
				}
			}
			touched, err := m.Sessions.Touch(patient(t), id, 0)
			heard := time.Now()
			if err != nil {
				t.Error(err)
				return
			}
			quorumtest.Eventually(t, "the end", func() bool { return !alive(m, id) })
			end := time.Now()
			if end.Before(touched.Deadline) {
				t.Errorf("ended %v before its deadline", touched.Deadline.Sub(end))
			}
			if took := end.Sub(heard); took > ttl+slack {
				t.Errorf("ended %v after its last touch; want %v at most", took, ttl+slack)
			}
			_, err = m.Sessions.Touch(patient(t), id, 0)
			lost(t, err, id, lease.Expired)
		})
	}
	wg.Wait()
}

// TestMassExpiry lets 20,000 sessions fall silent together; fewer under the race detector, which
// makes each close several times as dear: on two cores it would measure the detector.
func TestMassExpiry(t *testing.T) {
	m := membertest.One(t)
	many, ttl := 20_000, 3*time.Second
	if racetest.Enabled {
		many = 5_000
	}
	var mu sync.Mutex
	var ids []lease.ID
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range many / 64 {
				s, err := m.Sessions.Open(t.Context(), lease.Options{TTL: ttl})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids = append(ids, s.Session.ID)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		m.Store.Touch(id, false)
	}
	last := ids[len(ids)-1]
	touched, err := m.Sessions.Touch(patient(t), last, 0) // its round carries the others along
	if err != nil {
		t.Fatal(err)
	}
	silent := time.Now()
	if n := count(m); n != len(ids) {
		t.Fatalf("%d of %d sessions are left before they fell silent", n, len(ids))
	}
	quorumtest.Eventually(t, "the end of all", func() bool {
		n := count(m)
		if n < len(ids) && time.Now().Before(touched.Deadline.Add(-100*time.Millisecond)) {
			t.Errorf("%d sessions ended early", len(ids)-n)
			return true
		}
		return n == 0
	})
	took := time.Since(silent)
	if took > ttl+slack {
		t.Errorf("the last ended %v after it fell silent; want %v at most", took, ttl+slack)
	}
	t.Logf("%d sessions of %v were gone %v after they fell silent", len(ids), ttl, took)
}

// TestLeaderCutOffKeepsSessions cuts the leader off from its peers for 6 s, while sessions are
// renewed at the others. What it believed to be overdue meanwhile ends nobody.
func TestLeaderCutOffKeepsSessions(t *testing.T) {
	members := membertest.Start(t, 3)
	leader := membertest.Leader(t, members...)
	const many, ttl = 299, 8 * time.Second // what outlives a change of leader
	rest := slices.DeleteFunc(slices.Clone(members), func(m *membertest.Member) bool { return m == leader })
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	ids := make([]lease.ID, many)
	for i := range ids {
		ids[i] = open(t, leader, lease.Options{TTL: ttl}).Session.ID
	}
	wg.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			for i, id := range ids {
				rest[i%2].Store.Touch(id, false)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	membertest.CutOff(leader)
	cut := time.Now()
	// Cut off, it must not tell anybody that a session lives on, nor that it is over.
	deposed, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	quorumtest.Eventually(t, "another leader", func() bool { return rest[0].Quorum.IsLeader() || rest[1].Quorum.IsLeader() })
	if _, err := leader.Sessions.Touch(deposed, ids[0], 0); err == nil {
		t.Error("the leader that is cut off confirmed a touch")
	}
	quorumtest.Eventually(t, "10 s", func() bool { return time.Since(cut) > 10*time.Second })
	membertest.Heal(leader)
	quorumtest.Eventually(t, "4 s more", func() bool { return time.Since(cut) > 14*time.Second })
	for _, m := range members {
		if err := m.Store.Sync(patient(t)); err != nil {
			t.Fatal(err)
		}
		if n := count(m); n != many {
			t.Errorf("%s has %d of %d sessions", m.Name(), n, many)
		}
	}
	if _, err := leader.Sessions.Touch(patient(t), ids[0], 0); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}
