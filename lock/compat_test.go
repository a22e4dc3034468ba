package lock_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestCompat: a lock that keeps every client away is one contender with two znodes, by every way
// into the queue and out of it.
func TestCompat(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	znodes := func() (n int) {
		m.Store.View(func(tree *znode.Tree, _ int64) { n = tree.EphemeralCount() })
		return n
	}
	h := acquire(t, m, lock.Request{Name: "compat", Compat: lock.CompatAll}) // with a session of its own
	if n := znodes(); n != 2 {
		t.Errorf("%d znodes; want 2", n)
	}
	s := session(t, m)
	r := lock.Request{Name: "compat", Session: s, Compat: lock.CompatAll, RequestID: "r"}
	w, err := m.Locks.Enqueue(patient(t), r)
	if err != nil || w.Position != 1 {
		t.Fatalf("enqueue: %+v, %v", w, err)
	}
	if again, err := m.Locks.Enqueue(patient(t), r); err != nil || again.Token != w.Token || !again.Repeated {
		t.Errorf("enqueue again: %+v, %v", again, err)
	}
	if q := queue(t, m, "compat"); q.Total != 2 || len(q.Contenders) != 2 || q.Contenders[1].Token != w.Token {
		t.Errorf("the queue is %+v", q)
	}
	if _, err := m.Locks.Release(patient(t), lock.Release{Name: "compat", Session: h.Session}); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Locks.Await(patient(t), w.Ticket, forever); err != nil || got.State != lock.Held {
		t.Errorf("await: %+v, %v", got, err)
	}
	if _, err := m.Locks.Leave(patient(t), w.Ticket); err != nil {
		t.Fatal(err)
	}
	if n := znodes(); n != 0 {
		t.Errorf("%d znodes are left", n)
	}
}

func TestBadCompat(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	wrong := func(r lock.Request) {
		t.Helper()
		_, err := m.Locks.Enqueue(patient(t), r)
		if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != "compat" || e.Fix == "" {
			t.Errorf("%v; want bad input that names compat", err)
		}
	}
	s := session(t, m)
	wrong(lock.Request{Name: "bad", Session: s, Compat: "kazoo"})
	if _, err := m.Locks.Enqueue(patient(t), lock.Request{Name: "bad", Session: s, RequestID: "plain"}); err != nil {
		t.Fatal(err)
	}
	wrong(lock.Request{Name: "bad", Session: s, RequestID: "plain", Compat: lock.CompatAll})

	// What is wrong with the name is not blamed on compat.
	_, err := m.Locks.Enqueue(patient(t), lock.Request{Name: "deep" + strings.Repeat("/d", 70), Session: s, Compat: lock.CompatAll})
	if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != "name" {
		t.Errorf("%v; want bad input that names name", err)
	}
}
