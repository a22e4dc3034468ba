package lock_test

import (
	"errors"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lock"
)

// TestUpgradeIsRefused: a reader that asks to write waits for itself, and is told so at once.
func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	s := session(t, m)
	r := lock.Request{Name: "up", Session: s, Owner: "me", Mode: lock.ModeRead}
	acquire(t, m, r)
	r.Mode = lock.ModeWrite
	_, err := m.Locks.Acquire(patient(t), r, forever)
	if !errors.Is(err, lock.ErrDeadlock) {
		t.Fatalf("to write while reading: %v", err)
	}
	t.Log(err)
	length(t, m, "up", 1)
	r.Owner = "another"
	w := enqueue(t, m, r) // another thread of the same program waits its turn
	if w.State != lock.Waiting {
		t.Errorf("%+v", w)
	}
}
