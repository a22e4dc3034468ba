package membertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Forever is a wait without limit.
const Forever = -1

// Patient returns a context for one step of a test, which may take as long as a slow machine needs.
func Patient(tb testing.TB) context.Context {
	tb.Helper()
	return Context(tb, quorumtest.Patience)
}

// Session opens a session that no test outlives.
func Session(tb testing.TB, m *Member) lease.ID {
	tb.Helper()
	s, err := m.Sessions.Open(Patient(tb), lease.Options{TTL: time.Minute})
	if err != nil {
		tb.Fatalf("open a session at %s: %v", m.Name(), err)
	}
	return s.Session.ID
}

// Foreign does what a ZooKeeper client would, and returns what came of each operation.
func Foreign(tb testing.TB, m *Member, id lease.ID, ops ...znode.Op) []znode.Result {
	tb.Helper()
	out, err := m.Store.Do(Patient(tb), &znode.Request{Session: id, Ops: ops})
	if err != nil || out.Code != znode.OK {
		tb.Fatalf("%+v: %v, %v", ops, out.Code, err)
	}
	return out.Results
}

// Is fails the test unless err matches want.
func Is(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("%s: %v; want %v", what, err, want)
	}
}

// BadInput fails the test unless err is about a field, and says what to do.
func BadInput(tb testing.TB, err error, field string) {
	tb.Helper()
	if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != field || e.Fix == "" {
		tb.Errorf("error = %v; want one about %s", err, field)
	}
}

// Receive returns what comes from a channel, and fails the test where nothing does.
func Receive[T any](tb testing.TB, what string, from <-chan T) (v T) {
	tb.Helper()
	select {
	case v = <-from:
	case <-time.After(quorumtest.Patience):
		tb.Fatalf("waited in vain for: %s", what)
	}
	return v
}
