package lock_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

// Short names of what every test here does.
var (
	patient = membertest.Patient
	session = membertest.Session
	is      = membertest.Is
)

// forever is a wait without limit.
const forever = membertest.Forever

// acquire takes a lock that must be free.
func acquire(t testing.TB, m *membertest.Member, r lock.Request) lock.Hold {
	t.Helper()
	h, err := m.Locks.Acquire(patient(t), r, 0)
	if err != nil || h.State != lock.Held || h.Token <= 0 || h.Name != r.Name {
		t.Fatalf("acquire %q at %s = %+v, %v", r.Name, m.Name(), h, err)
	}
	return h
}

func release(t testing.TB, m *membertest.Member, r lock.Release) lock.Done {
	t.Helper()
	d, err := m.Locks.Release(patient(t), r)
	if err != nil {
		t.Fatalf("release %q at %s: %v", r.Name, m.Name(), err)
	}
	return d
}

func enqueue(t testing.TB, m *membertest.Member, r lock.Request) lock.Hold {
	t.Helper()
	h, err := m.Locks.Enqueue(patient(t), r)
	if err != nil {
		t.Fatalf("enqueue for %q at %s: %v", r.Name, m.Name(), err)
	}
	return h
}

// queue is a lock's queue as of now.
func queue(t testing.TB, m *membertest.Member, name string) lock.Queue {
	t.Helper()
	q, err := m.Locks.Queue(patient(t), name, 100_000, lock.Read{Linearizable: true})
	if err != nil {
		t.Fatalf("queue of %q: %v", name, err)
	}
	return q
}

// length waits until a lock's queue has n contenders.
func length(t testing.TB, m *membertest.Member, name string, n int) {
	t.Helper()
	quorumtest.Eventually(t, "the queue's length", func() bool {
		q, err := m.Locks.Queue(t.Context(), name, 1, lock.Read{})
		return err == nil && q.Total == n
	})
}

// lost fails the test unless err tells the loss of a hold, for cause.
func lost(t testing.TB, err error, token lock.Token, cause, reason string) {
	t.Helper()
	e, ok := errors.AsType[*lock.HoldLostError](err)
	if !ok || !errors.Is(err, lock.ErrHoldLost) || e.Token != token || e.Cause != cause || e.Reason != reason {
		t.Errorf("error %v; want the loss of %d: %s %s", err, token, cause, reason)
	}
}

// foreign makes a contender as a ZooKeeper client would.
func foreign(t testing.TB, m *membertest.Member, id lease.ID, stem string) znode.Result {
	t.Helper()
	return membertest.Foreign(t, m, id, znode.Op{
		Kind: znode.OpCreate, Path: stem, Data: []byte("10.0.0.7"), ACL: znode.OpenACL,
		Node: znode.Ephemeral, Sequential: true, Parents: true,
	})[0]
}
