package lock_test

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lock"
)

// TestHoldersOfPermitsBlockNobody: who waits for permits waits for any of those who have some, so a
// ring through one of them is no cycle. A request that would have closed it is not refused, and all
// get on when another one gives a permit back.
func TestHoldersOfPermitsBlockNobody(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	ann, bob, carol := session(t, m), session(t, m), session(t, m)
	take(t, m, permits("ring", bob, 2))
	other := take(t, m, permits("ring", carol, 2))
	x := acquire(t, m, lock.Request{Name: "ring/x", Session: ann, Owner: "ann"})
	wait := make(chan error, 2)
	go func() { // ann waits for bob or carol
		_, err := m.Locks.AcquirePermits(patient(t), permits("ring", ann, 1), forever)
		wait <- err
	}()
	waits(t, m, "ring", 1)
	go func() { // bob waits for ann
		_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "ring/x", Session: bob, Owner: "bob", Deadlock: lock.DeadlockRefuse}, forever)
		wait <- err
	}()
	length(t, m, "ring/x", 2)
	d, err := m.Locks.Deadlocks(patient(t), 10, lock.Read{Linearizable: true})
	if err != nil || d.Total != 0 {
		t.Errorf("deadlocks %+v, %v; want none", d, err)
	}
	chain, err := m.Locks.Blockers(patient(t), "ring/x", bob, "", lock.Read{Linearizable: true})
	if err != nil || chain.Cycle || len(chain.Links) != 2 || chain.Links[1].Owner != "ann" || chain.Links[1].Waits.Name != "" {
		t.Errorf("who blocks bob: %+v, %v; want ann, who waits for no lock", chain, err)
	}
	if _, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: "ring", Session: carol, Token: other.Token}); err != nil {
		t.Fatal(err)
	}
	is(t, "ann's permit", <-wait, nil)
	release(t, m, lock.Release{Name: "ring/x", Session: ann, Token: x.Token})
	is(t, "bob's lock", <-wait, nil)
}
