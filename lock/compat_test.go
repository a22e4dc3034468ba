package lock_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
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

// TestCompatOfSeveral: several locks that keep every client away are two znodes each, all or none, by
// every way in and out.
func TestCompatOfSeveral(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	names := []string{"several/a", "several/b", "several/c"}
	wantZnodes := func(what string, want int) {
		t.Helper()
		quorumtest.Eventually(t, what, func() bool {
			n := 0
			m.Store.View(func(tree *znode.Tree, _ int64) { n = tree.EphemeralCount() })
			return n == want
		})
	}
	s := session(t, m)
	r := lock.Request{Session: s, Compat: lock.CompatAll, RequestID: "r"}
	holds, err := m.Locks.AcquireAll(patient(t), names, r, 0)
	if err != nil || len(holds) != 3 {
		t.Fatalf("acquire all: %+v, %v", holds, err)
	}
	wantZnodes("two znodes for each lock", 6)
	for i, h := range holds {
		q := queue(t, m, names[i])
		if h.State != lock.Held || h.Token != holds[0].Token || q.Total != 1 || q.Contenders[0].Token != h.Token {
			t.Errorf("%+v in %+v", h, q)
		}
	}
	if again, err := m.Locks.AcquireAll(patient(t), names, r, 0); err != nil || !again[2].Repeated || again[2].Token != holds[2].Token {
		t.Errorf("again: %+v, %v", again, err)
	}
	wantZnodes("no more of them", 6)

	// Another request for some of them waits, and leaves nothing behind.
	for _, other := range []lease.ID{0, session(t, m)} {
		_, err = m.Locks.AcquireAll(patient(t), names[1:], lock.Request{Session: other, Compat: lock.CompatAll}, 50*time.Millisecond)
		is(t, "behind others", err, lock.ErrHeld)
		_, err = m.Locks.AcquireAll(patient(t), names[1:], lock.Request{Session: other, Compat: lock.CompatAll}, 0)
		is(t, "a try", err, lock.ErrHeld)
		ctx, cancel := context.WithCancel(patient(t))
		got := make(chan error, 1)
		go func() {
			_, err := m.Locks.AcquireAll(ctx, names[1:], lock.Request{Session: other, Compat: lock.CompatAll}, forever)
			got <- err
		}()
		length(t, m, "several/c", 2)
		cancel()
		is(t, "given up", membertest.Receive(t, "the end of the wait", got), context.Canceled)
		wantZnodes("nothing of those who gave up", 6)
	}

	// One is taken by force, with both of its znodes; the others stay.
	release(t, m, lock.Release{Name: names[1], Force: true, Token: holds[1].Token})
	wantZnodes("both znodes of the lock that was taken", 4)
	_, err = m.Locks.ReleaseAll(patient(t), names, lock.Release{Session: s, Token: holds[0].Token})
	is(t, "release of all", err, lock.ErrHoldLost)
	wantZnodes("nothing", 0)

	// All are given back in one commit, and end with their session.
	again, err := m.Locks.AcquireAll(patient(t), names, lock.Request{Session: s, Compat: lock.CompatAll}, 0)
	if err != nil {
		t.Fatal(err)
	}
	dones, err := m.Locks.ReleaseAll(patient(t), names, lock.Release{Session: s, Token: again[0].Token})
	if err != nil || dones[0].Revision != dones[2].Revision {
		t.Errorf("released: %+v, %v", dones, err)
	}
	wantZnodes("nothing", 0)
	if _, err := m.Locks.AcquireAll(patient(t), names, lock.Request{TTL: time.Minute, Compat: lock.CompatAll}, 0); err != nil {
		t.Fatal(err)
	}
	wantZnodes("two znodes for each lock of a session of its own", 6)
}

// TestCompatOfSeveralBesideKazoo: a contender under kazoo's name is waited for, and one that comes later
// finds one of ours ahead in the directory of each lock.
func TestCompatOfSeveralBesideKazoo(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	s, theirs := session(t, m), session(t, m)
	const kazoos = "/beside/b/0123456789abcdef0123456789abcdef__lock__"
	first := foreign(t, m, theirs, kazoos)
	got := make(chan error, 1)
	go func() {
		_, err := m.Locks.AcquireAll(patient(t), []string{"beside/a", "beside/b"}, lock.Request{Session: s, Compat: lock.CompatAll}, forever)
		got <- err
	}()
	length(t, m, "beside/b", 2)
	later := foreign(t, m, theirs, kazoos)
	membertest.Foreign(t, m, theirs, znode.Op{Kind: znode.OpDelete, Path: first.Path, Version: -1})
	is(t, "all of them", membertest.Receive(t, "the locks", got), nil)
	m.Store.View(func(tree *znode.Tree, _ int64) {
		for dir, behind := range map[string]string{"/beside/a": "", "/beside/b": later.Path} {
			n, _ := tree.Get(dir)
			ahead := 0
			for child := range n.Children() { // as kazoo looks: at names with its pattern, by their numbers
				if strings.Contains(child.Name(), "__lock__") && child.Path() != behind {
					ahead++
				}
			}
			if ahead != 1 {
				t.Errorf("%d znodes that kazoo sees in %s are ours; want 1", ahead, dir)
			}
		}
	})
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
