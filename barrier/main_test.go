package barrier_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

// forever is a wait without limit.
const forever = -1

func patient(t testing.TB) context.Context {
	t.Helper()
	return membertest.Context(t, quorumtest.Patience)
}

// session opens a session.
func session(t testing.TB, m *membertest.Member, ttl time.Duration) lease.ID {
	t.Helper()
	s, err := m.Sessions.Open(patient(t), lease.Options{TTL: ttl})
	if err != nil {
		t.Fatalf("open a session: %v", err)
	}
	return s.Session.ID
}

// is fails the test unless err matches want.
func is(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}

// badInput fails the test unless err is about a field.
func badInput(t testing.TB, err error, field string) {
	t.Helper()
	if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != field || e.Fix == "" {
		t.Errorf("error %v; want one about %s", err, field)
	}
}

// gathering is a double barrier as of now.
func gathering(t testing.TB, m *membertest.Member, name string) barrier.Gathering {
	t.Helper()
	g, err := m.Barriers.Gathering(patient(t), name, 100, lock.Read{Linearizable: true})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// came waits until so many are at a double barrier.
func came(t testing.TB, m *membertest.Member, name string, n int) {
	t.Helper()
	quorumtest.Eventually(t, "the participants", func() bool {
		g, err := m.Barriers.Gathering(t.Context(), name, 100, lock.Read{})
		return err == nil && g.Total == n
	})
}

// foreign does what a ZooKeeper client would.
func foreign(t testing.TB, m *membertest.Member, id lease.ID, ops ...znode.Op) {
	t.Helper()
	out, err := m.Store.Do(patient(t), &znode.Request{Session: id, Ops: ops})
	if err != nil || out.Code != znode.OK {
		t.Fatalf("%+v: %v, %v", ops, out.Code, err)
	}
}

// An entered is what an Enter came to.
type entered struct {
	place barrier.Place
	err   error
}

// enter enters in the background; begun tells that it waits.
func enter(t testing.TB, m *membertest.Member, e barrier.Entry, wait time.Duration) (begun chan struct{}, done chan entered) {
	t.Helper()
	begun, done = make(chan struct{}), make(chan entered, 1)
	e.Begins = func() { close(begun) }
	ctx := patient(t)
	go func() {
		p, err := m.Barriers.Enter(ctx, e, wait)
		done <- entered{p, err}
	}()
	return begun, done
}

func await[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(quorumtest.Patience):
		t.Fatalf("waited in vain for: %s", what)
	}
	return v
}
