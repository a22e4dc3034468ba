package lock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// permits is a request for n permits of a semaphore with four.
func permits(name string, s lease.ID, n int) lock.PermitRequest {
	return lock.PermitRequest{Request: lock.Request{Name: name, Session: s}, Permits: n, Limit: 4}
}

// take takes permits that must be free.
func take(t testing.TB, m *membertest.Member, r lock.PermitRequest) lock.Hold {
	t.Helper()
	h, err := m.Locks.AcquirePermits(patient(t), r, 0)
	if err != nil || h.State != lock.Held || h.Token <= 0 || h.Name != r.Name || h.Permits != max(1, r.Permits) {
		t.Fatalf("acquire permits of %q at %s = %+v, %v", r.Name, m.Name(), h, err)
	}
	return h
}

func queueUp(t testing.TB, m *membertest.Member, r lock.PermitRequest) lock.Hold {
	t.Helper()
	h, err := m.Locks.EnqueuePermits(patient(t), r)
	if err != nil {
		t.Fatalf("enqueue for permits of %q: %v", r.Name, err)
	}
	return h
}

// semaphore is a semaphore as of now.
func semaphore(t testing.TB, m *membertest.Member, name string) lock.Semaphore {
	t.Helper()
	s, err := m.Locks.Semaphore(patient(t), name, 0, 1000, lock.Read{Linearizable: true})
	if err != nil {
		t.Fatalf("semaphore %q: %v", name, err)
	}
	return s
}

func TestPermits(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	a, b := members[0], members[1]

	t.Run("acquire and release", func(t *testing.T) {
		s := session(t, a)
		r := permits("p", s, 3)
		r.Owner, r.Reason = "me", "work"
		h := take(t, a, r)
		if h.Deadline.IsZero() || h.TTL != time.Minute {
			t.Errorf("hold %+v", h)
		}
		view := semaphore(t, b, "p")
		if view.Limit != 4 || view.InUse != 3 || view.Holding != 1 || view.Waiting != 0 || view.Holders[0].Owner != "me" || view.Holders[0].Permits != 3 || view.Holders[0].Token != h.Token || view.Holders[0].State != lock.Held {
			t.Errorf("view %+v", view)
		}
		_, err := b.Locks.AcquirePermits(patient(t), permits("p", session(t, b), 2), 0)
		if e, ok := errors.AsType[*lock.PermitsError](err); !ok || !errors.Is(err, lock.ErrNoPermits) || e.InUse != 3 || e.Limit != 4 || e.Permits != 2 || e.Name != "p" {
			t.Errorf("try: %v", err)
		}
		d, err := b.Locks.ReleasePermits(patient(t), lock.Release{Name: "p", Session: s, Token: h.Token})
		if err != nil || d.Token != h.Token || d.Repeated {
			t.Errorf("release: %+v, %v", d, err)
		}
		for _, again := range []lock.Release{{Name: "p", Session: s}, {Name: "p", Session: s, Token: h.Token}} {
			if d, err := b.Locks.ReleasePermits(patient(t), again); err != nil || !d.Repeated || d.Token != h.Token {
				t.Errorf("release again: %+v, %v", d, err)
			}
		}
		if view := semaphore(t, a, "p"); view.InUse != 0 || view.Holding != 0 || view.Limit != 4 {
			t.Errorf("view %+v", view)
		}
	})
	t.Run("refused", func(t *testing.T) {
		s := session(t, a)
		for _, c := range []struct {
			change func(*lock.PermitRequest)
			want   error
		}{
			{func(r *lock.PermitRequest) { r.Permits = 5 }, lock.ErrTooManyPermits},
			{func(r *lock.PermitRequest) { r.Limit = 5 }, lock.ErrLimitDiffers},
			{func(r *lock.PermitRequest) { r.Limit, r.Name = 0, "unknown" }, lock.ErrNoLimit},
		} {
			r := permits("p", s, 1)
			c.change(&r)
			_, err := a.Locks.AcquirePermits(patient(t), r, forever)
			is(t, fmt.Sprintf("%+v", r), err, c.want)
		}
		for _, change := range []func(*lock.PermitRequest){
			func(r *lock.PermitRequest) { r.Permits = -1 },
			func(r *lock.PermitRequest) { r.Permits = lock.DefaultMaxPermits + 1 },
			func(r *lock.PermitRequest) { r.Limit = -1 },
			func(r *lock.PermitRequest) { r.Compat = lock.CompatAll },
			func(r *lock.PermitRequest) { r.Name = "/p" },
		} {
			r := permits("p", s, 1)
			change(&r)
			if _, err := a.Locks.AcquirePermits(patient(t), r, 0); err == nil {
				t.Errorf("%+v was taken", r)
			} else if _, ok := errors.AsType[*lease.InputError](err); !ok {
				t.Errorf("%+v: %v", r, err)
			}
		}
		_, err := a.Locks.ReleasePermits(patient(t), lock.Release{Name: "p", Session: s, Token: 7})
		is(t, "release of nothing", err, lock.ErrNotHeld)
		_, err = a.Locks.KeepPermits(patient(t), "p", s, 0, 0)
		is(t, "keepalive of nothing", err, lock.ErrNotHeld)
	})
	t.Run("in order", func(t *testing.T) {
		s := session(t, a)
		first := take(t, a, permits("o", s, 3))
		big := queueUp(t, b, permits("o", session(t, b), 2))
		small := queueUp(t, a, permits("o", session(t, a), 1))
		if big.State != lock.Waiting || big.Position != 1 || small.Position != 2 || big.Permits != 2 {
			t.Errorf("waiting: %+v, %+v", big, small)
		}
		if position, holder, ok := a.Locks.Ahead(small.Ticket); !ok || position != 2 || holder.Token != first.Token {
			t.Errorf("ahead of the last: %d, %+v, %v", position, holder, ok)
		}
		view := semaphore(t, a, "o")
		if view.Waiting != 2 || view.Waiters[0].Permits != 2 || view.Waiters[1].Position != 2 || view.Waiters[1].State != lock.Waiting {
			t.Errorf("view %+v", view)
		}
		if h, err := a.Locks.Await(patient(t), small.Ticket, time.Millisecond); err != nil || h.State != lock.Waiting {
			t.Errorf("await: %+v, %v", h, err)
		}
		if _, err := a.Locks.ReleasePermits(patient(t), lock.Release{Name: "o", Session: s}); err != nil {
			t.Fatal(err)
		}
		var tokens []lock.Token
		for _, ticket := range []string{big.Ticket, small.Ticket, big.Ticket} {
			h, err := a.Locks.Await(patient(t), ticket, forever)
			if err != nil || h.State != lock.Held || h.Deadline.IsZero() {
				t.Fatalf("await: %+v, %v", h, err)
			}
			tokens = append(tokens, h.Token)
		}
		if first.Token >= tokens[0] || tokens[0] >= tokens[1] || tokens[2] != tokens[0] {
			t.Errorf("tokens %d, then %d", first.Token, tokens)
		}
		for range 2 {
			if d, err := b.Locks.Leave(patient(t), big.Ticket); err != nil || d.Name != "o" {
				t.Errorf("leave: %+v, %v", d, err)
			}
		}
		if view := semaphore(t, a, "o"); view.InUse != 1 {
			t.Errorf("view %+v", view)
		}
	})
	t.Run("gives up", func(t *testing.T) {
		s := session(t, a)
		take(t, a, permits("g", s, 4))
		_, err := a.Locks.AcquirePermits(patient(t), permits("g", 0, 1), 20*time.Millisecond)
		is(t, "a wait that runs out", err, lock.ErrNoPermits)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := a.Locks.AcquirePermits(ctx, permits("g", s, 1), forever)
			done <- err
		}()
		waits(t, a, "g", 1)
		cancel()
		is(t, "a wait that is cancelled", <-done, context.Canceled)
		waits(t, a, "g", 0)
	})
	t.Run("one-shot", func(t *testing.T) {
		r := permits("one", 0, 2)
		r.RequestID = "x"
		h := take(t, a, r)
		if !h.OneShot || h.Session == 0 {
			t.Errorf("hold %+v", h)
		}
		again := take(t, b, r)
		if !again.Repeated || again.Token != h.Token {
			t.Errorf("the same again: %+v", again)
		}
		if k, err := b.Locks.KeepPermits(patient(t), "one", h.Session, 0, h.Token); err != nil || k.Token != h.Token || k.Deadline.IsZero() {
			t.Errorf("keepalive: %+v, %v", k, err)
		}
		if _, err := b.Locks.ReleasePermits(patient(t), lock.Release{Name: "one", Session: h.Session, RequestID: "x"}); err != nil {
			t.Error(err)
		}
		if _, _, ok := b.Sessions.Look(h.Session); ok {
			t.Error("its session lives on")
		}
	})
	t.Run("forced", func(t *testing.T) {
		s := session(t, a)
		h := take(t, a, permits("f", s, 3))
		other := take(t, a, permits("f", s, 1))
		w := queueUp(t, b, permits("f", session(t, b), 2))
		if _, err := b.Locks.ReleasePermits(patient(t), lock.Release{Name: "f", Force: true}); err == nil {
			t.Error("a forced release without a token was taken")
		}
		d, err := b.Locks.ReleasePermits(patient(t), lock.Release{Name: "f", Force: true, Token: h.Token, Reason: "maintenance"})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Store.WaitRevision(patient(t), d.Revision); err != nil {
			t.Fatal(err)
		}
		_, err = a.Locks.ReleasePermits(patient(t), lock.Release{Name: "f", Session: s, Token: h.Token})
		lost(t, err, h.Token, "forced", "maintenance")
		_, err = a.Locks.KeepPermits(patient(t), "f", s, 0, h.Token)
		lost(t, err, h.Token, "forced", "maintenance")
		_, err = a.Locks.Await(patient(t), h.Ticket, 0)
		lost(t, err, h.Token, "forced", "maintenance")
		if k, err := a.Locks.KeepPermits(patient(t), "f", s, 0, 0); err != nil || k.Token != other.Token {
			t.Errorf("its other hold: %+v, %v", k, err)
		}
		if got, err := b.Locks.Await(patient(t), w.Ticket, forever); err != nil || got.State != lock.Held {
			t.Errorf("the next in line: %+v, %v", got, err)
		}
	})
	t.Run("limit", func(t *testing.T) {
		s := session(t, a)
		if set, err := a.Locks.SetLimit(patient(t), "l", 1); err != nil || set.Limit != 1 || set.Revision == 0 {
			t.Errorf("set: %+v, %v", set, err)
		}
		r := permits("l", s, 1)
		r.Limit = 0
		take(t, a, r)
		w := queueUp(t, a, r)
		if _, err := b.Locks.SetLimit(patient(t), "l", 2); err != nil {
			t.Fatal(err)
		}
		if h, err := a.Locks.Await(patient(t), w.Ticket, forever); err != nil || h.State != lock.Held {
			t.Errorf("after the raise: %+v, %v", h, err)
		}
		if _, err := b.Locks.SetLimit(patient(t), "l", 0); err == nil {
			t.Error("a limit of 0 was set")
		}
	})
	t.Run("expired", func(t *testing.T) {
		r := permits("e", 0, 4)
		r.TTL = lease.MinTTL
		h := take(t, a, r)
		got, err := b.Locks.AcquirePermits(patient(t), permits("e", 0, 4), forever)
		if err != nil || got.Token <= h.Token || time.Now().Before(h.Deadline) {
			t.Fatalf("after its end: %+v, %v, before the deadline: %v", got, err, time.Now().Before(h.Deadline))
		}
		_, err = b.Locks.ReleasePermits(patient(t), lock.Release{Name: "e", Session: h.Session, Token: h.Token})
		lost(t, err, h.Token, "expired", "")
	})
	t.Run("no locks", func(t *testing.T) {
		page, err := a.Locks.List(patient(t), "", "", 100, lock.Read{Linearizable: true})
		if err != nil || len(page.Locks) != 0 {
			t.Errorf("locks %+v, %v", page, err)
		}
	})
	t.Run("of a session", func(t *testing.T) {
		s := session(t, a)
		h := take(t, a, permits("s", s, 3))
		w := queueUp(t, a, permits("s", s, 2))
		names, list, total := a.Locks.Of(s, 10)
		if total != 2 || len(list) != 2 || names[0] != "s" || names[1] != "s" || list[0].Token != h.Token || list[0].Permits != 3 || list[1].Token != w.Token || list[1].Position != 1 {
			t.Errorf("%d of a session: %+v", total, list)
		}
	})
}

// waits waits until n stand in a semaphore's queue.
func waits(t testing.TB, m *membertest.Member, name string, n int) {
	t.Helper()
	quorumtest.Eventually(t, "the semaphore's queue", func() bool {
		s, err := m.Locks.Semaphore(t.Context(), name, 0, 1, lock.Read{})
		return err == nil && s.Waiting == n
	})
}

// TestOneRequestForTwo: a lock and a semaphore of one name may be asked for with one request id, and each
// is held by a session of its own.
func TestOneRequestForTwo(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	one := lock.Request{Name: "both", RequestID: "r"}
	h, p := acquire(t, m, one), take(t, m, lock.PermitRequest{Request: one, Permits: 1, Limit: 4})
	if h.Session == p.Session {
		t.Fatalf("one session %v for both", h.Session)
	}
	release(t, m, lock.Release{Name: "both", Session: h.Session})
	if again := take(t, m, lock.PermitRequest{Request: one, Permits: 1, Limit: 4}); !again.Repeated || again.Token != p.Token {
		t.Errorf("repeated: %+v; want %+v", again, p)
	}
}

// TestLimitDeleted: where a client of ZooKeeper deletes the znode of a limit, who has permits keeps
// them and nobody gets more; those who wait stand in their order until there is a limit again.
func TestLimitDeleted(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	s := session(t, m)
	h := take(t, m, permits("bare", s, 4))
	first, second := queueUp(t, m, permits("bare", s, 2)), queueUp(t, m, permits("bare", s, 1))
	remove := func(path string) {
		t.Helper()
		membertest.Foreign(t, m, s, znode.Op{Kind: znode.OpDelete, Path: path, Version: -1})
	}
	remove("/bare/limit")
	if _, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: "bare", Session: s, Token: h.Token}); err != nil {
		t.Fatal(err)
	}
	if view := semaphore(t, m, "bare"); view.Limit != 0 || view.InUse != 0 || view.Waiting != 2 {
		t.Errorf("without a limit: %+v; want two who wait, and no permit in use", view)
	}
	for _, n := range []int{1, 3} {
		r := permits("bare", s, n)
		r.Limit = 0
		if _, err := m.Locks.AcquirePermits(patient(t), r, 0); !errors.Is(err, lock.ErrNoLimit) {
			t.Errorf("acquire %d without a limit = %v; want ErrNoLimit", n, err)
		}
	}
	// Even the directory of the permits goes: by now the queue looks like a lock's.
	remove("/bare/leases")
	if _, err := m.Locks.Leave(patient(t), first.Ticket); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Locks.SetLimit(patient(t), "bare", 1); err != nil {
		t.Fatal(err)
	}
	got, err := m.Locks.Await(patient(t), second.Ticket, forever)
	if err != nil || got.State != lock.Held || got.Token <= h.Token {
		t.Errorf("with a limit again: %+v, %v", got, err)
	}
	if left := names(t, m); len(left) != 0 {
		t.Errorf("locks %q are left", left)
	}
}

func TestPermitEvents(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	sub := subscribe(t, m, "", nil)
	s := session(t, m)
	r := permits("ev", s, 3)
	r.Owner = "me"
	h := take(t, m, r)
	queueUp(t, m, permits("ev", s, 2))
	quits := queueUp(t, m, permits("ev", s, 1))
	if _, err := m.Locks.Leave(patient(t), quits.Ticket); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: "ev", Session: s, Token: h.Token}); err != nil {
		t.Fatal(err)
	}
	view := semaphore(t, m, "ev")
	if _, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: "ev", Force: true, Token: view.Holders[0].Token, Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	// Curator's layout: a mutex, a lease, and the mutex let go.
	mutex := foreign(t, m, s, "/ev/locks/_c_0e3f5a52-7a3e-4c0b-9a55-0c1d2e3f4a5b-lock-")
	foreign(t, m, s, "/ev/leases/_c_1e3f5a52-7a3e-4c0b-9a55-0c1d2e3f4a5b-lease-")
	waiting := queueUp(t, m, permits("ev", s, 1))
	if waiting.State != lock.Waiting || waiting.Position != 2 {
		t.Errorf("behind Curator: %+v", waiting)
	}
	if out, err := m.Store.Do(patient(t), &znode.Request{Session: s, Ops: []znode.Op{{Kind: znode.OpDelete, Path: mutex.Path, Version: -1}}}); err != nil || out.Code != znode.OK {
		t.Fatal(out.Code, err)
	}
	if h, err := m.Locks.Await(patient(t), waiting.Ticket, forever); err != nil || h.State != lock.Held {
		t.Errorf("behind Curator: %+v, %v", h, err)
	}
	var got []string
	for _, e := range events(t, sub, 10) {
		got = append(got, fmt.Sprint(e.Name, " ", e.Kind, " ", e.Permits, e.Cause, e.Reason))
	}
	want := []string{
		"ev acquired 3", "ev waiting 2", "ev waiting 1", "ev left 1", "ev released 3", "ev acquired 2", "ev lost 2forcedwhy",
		"ev acquired 1", "ev waiting 1", "ev acquired 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if !slices.Equal(names(t, m), nil) {
		t.Errorf("locks: %q", names(t, m))
	}
}

func names(t *testing.T, m *membertest.Member) (list []string) {
	t.Helper()
	page, err := m.Locks.List(patient(t), "", "", 100, lock.Read{Linearizable: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range page.Locks {
		list = append(list, q.Name)
	}
	return list
}
