package sdk

import "testing"

func TestDeadlockMode(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []LockOption
		want string
	}{
		{"by itself", nil, "report"},
		{"with an owner of its own", []LockOption{WithLockOwner("worker 7")}, "refuse"},
		{"as it says", []LockOption{WithDeadlock(DeadlockRefuse)}, "refuse"},
		{"as it says, with an owner", []LockOption{WithDeadlock(DeadlockReport), WithLockOwner("worker 7")}, "report"},
	} {
		c := newLockConfig(ofMutex, nil, tt.opts)
		if got := c.deadlockMode(); got != tt.want || c.validate() != nil {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, c.validate(), tt.want)
		}
	}
	if newLockConfig(ofMutex, nil, []LockOption{WithDeadlock("maybe")}).validate() == nil {
		t.Error("a mode that is none is taken")
	}
}
