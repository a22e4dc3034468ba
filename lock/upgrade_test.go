package lock_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lock"
)

// TestUpgradeIsRefused: a reader that asks to write waits for itself, and is told so once it
// has waited for a while.
func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	s := session(t, m)
	r := lock.Request{Name: "up", Session: s, Owner: "me", Mode: lock.ModeRead}
	acquire(t, m, r)
	r.Mode = lock.ModeWrite
	begun := time.Now()
	_, err := m.Locks.Acquire(patient(t), r, forever)
	if !errors.Is(err, lock.ErrDeadlock) {
		t.Fatalf("to write while reading: %v", err)
	}
	if took := time.Since(begun); took < lock.DefaultDeadlockReport {
		t.Errorf("refused after %v; what is in the way has %v to go", took, lock.DefaultDeadlockReport)
	}
	length(t, m, "up", 1)
	if w := enqueue(t, m, r); w.State != lock.Waiting { // a ticket behind one's own place is given
		t.Errorf("%+v", w)
	}
	r.Owner = "another"
	w := enqueue(t, m, r) // another thread of the same program waits its turn
	if w.State != lock.Waiting {
		t.Errorf("%+v", w)
	}
}
