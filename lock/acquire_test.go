package lock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestAcquire(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)

	t.Run("what a hold tells", func(t *testing.T) {
		before := time.Now()
		r := lock.Request{
			Name: "orders/42", TTL: 10 * time.Second, Owner: "me", Reason: "because",
			Metadata: map[string]string{"k": "v"}, Labels: map[string]string{"host": "h"}, Door: "rest",
		}
		h := acquire(t, m, r)
		if !h.OneShot || h.TTL != 10*time.Second || h.Session == 0 || h.Revision == 0 || h.Position != 0 {
			t.Errorf("hold %+v", h)
		}
		if d := h.Deadline.Sub(before); d < 9*time.Second || d > 11*time.Second {
			t.Errorf("deadline in %v", d)
		}
		q := queue(t, m, "orders/42")
		if q.Total != 1 || len(q.Contenders) != 1 {
			t.Fatalf("queue %+v", q)
		}
		if diff := cmp.Diff(h.Contender, q.Contenders[0]); diff != "" {
			t.Errorf("hold and queue (-hold +queue):\n%s", diff)
		}
		c := q.Contenders[0]
		if c.Owner != "me" || c.Reason != "because" || c.Metadata["k"] != "v" || c.Door != "rest" || c.Since.IsZero() || c.Enqueued.IsZero() {
			t.Errorf("contender %+v", c)
		}
		release(t, m, lock.Release{Name: "orders/42", Session: h.Session})
		if _, _, ok := m.Sessions.Look(h.Session); ok {
			t.Error("the one-shot session outlives its hold")
		}
	})
	t.Run("try", func(t *testing.T) {
		h := acquire(t, m, lock.Request{Name: "try", Owner: "first"})
		_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "try"}, 0)
		e, ok := errors.AsType[*lock.HeldError](err)
		if !ok || !errors.Is(err, lock.ErrHeld) || e.Holder.Token != h.Token || e.Holder.Owner != "first" || e.Position != 1 {
			t.Errorf("a try: %v", err)
		}
		if n := queue(t, m, "try").Total; n != 1 {
			t.Errorf("%d contenders after a try", n)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		s := session(t, m)
		h := acquire(t, m, lock.Request{Name: "deadline"})
		for _, r := range []lock.Request{{Name: "deadline"}, {Name: "deadline", Session: s}, {Name: "deadline", Session: s, RequestID: "r"}} {
			begun := time.Now()
			_, err := m.Locks.Acquire(patient(t), r, 100*time.Millisecond)
			is(t, "after the wait", err, lock.ErrHeld)
			if took := time.Since(begun); took < 100*time.Millisecond || took > 5*time.Second {
				t.Errorf("waited %v", took)
			}
			if n := queue(t, m, "deadline").Total; n != 1 {
				t.Errorf("%d contenders after the answer", n)
			}
		}
		release(t, m, lock.Release{Name: "deadline", Session: h.Session})
	})
	t.Run("two at one session", func(t *testing.T) {
		s := session(t, m)
		acquire(t, m, lock.Request{Name: "twice", Session: s})
		_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "twice", Session: s}, 0)
		is(t, "the session's own lock again", err, lock.ErrHeld)
	})
	t.Run("bad names", func(t *testing.T) {
		for _, name := range []string{"", "/a", "a/", "a//b", "a/../b", ".", "zookeeper", "zookeeper/x", "a\x00b", "a\xffb"} {
			_, err := m.Locks.Acquire(patient(t), lock.Request{Name: name}, 0)
			if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != "name" {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := m.Locks.Acquire(patient(t), lock.Request{Name: "a", Owner: "\xff"}, 0); err == nil {
			t.Error("an owner that is no text was taken")
		}
	})
	t.Run("a session that is over", func(t *testing.T) {
		s := session(t, m)
		if _, err := m.Sessions.Close(patient(t), s, znode.Owner{}); err != nil {
			t.Fatal(err)
		}
		for _, wait := range []time.Duration{0, forever} {
			_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "over", Session: s}, wait)
			is(t, "acquire", err, lease.ErrLost)
		}
	})
	t.Run("generation", func(t *testing.T) {
		s := session(t, m)
		for g := range int64(2) {
			if _, err := m.Sessions.Move(patient(t), s, znode.Owner{Member: m.Quorum.ID(), Generation: g + 1}, 0); err != nil {
				t.Fatal(err)
			}
		}
		_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "gen", Session: s, Generation: 1}, 0)
		is(t, "an older generation", err, znode.ErrSessionMoved)
		acquire(t, m, lock.Request{Name: "gen", Session: s, Generation: 2})
		_, err = m.Locks.Release(patient(t), lock.Release{Name: "gen", Session: s, Generation: 1})
		is(t, "an older generation's release", err, znode.ErrSessionMoved)
		release(t, m, lock.Release{Name: "gen", Session: s, Generation: 2})
	})
}

// TestFirstComeFirstServed has many wait, at all members, and lets each go at its turn.
func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	const waiters = 60
	first := acquire(t, members[0], lock.Request{Name: "line"})
	var mu sync.Mutex
	var order []int
	last := first.Token
	var wg sync.WaitGroup
	for i := range waiters {
		m := members[i%3]
		wg.Go(func() {
			h, err := m.Locks.Acquire(patient(t), lock.Request{Name: "line"}, forever)
			if err != nil {
				t.Errorf("waiter %d: %v", i, err)
				return
			}
			mu.Lock()
			order = append(order, i)
			if h.Token <= last || h.State != lock.Held {
				t.Errorf("waiter %d: token %d after %d, %s", i, h.Token, last, h.State)
			}
			last = h.Token
			mu.Unlock()
			release(t, m, lock.Release{Name: "line", Session: h.Session, Token: h.Token})
		})
		length(t, members[0], "line", i+2)
	}
	q := queue(t, members[1], "line")
	for i, c := range q.Contenders {
		if c.Position != i || (c.State == lock.Held) != (i == 0) || i > 0 && c.Token <= q.Contenders[i-1].Token {
			t.Errorf("contender %d: %+v", i, c)
		}
	}
	release(t, members[2], lock.Release{Name: "line", Session: first.Session})
	wg.Wait()
	for i := range order {
		if order[i] != i {
			t.Fatalf("served in the order %v", order)
		}
	}
	length(t, members[0], "line", 0)
}

func TestTooManyWaiters(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Lock.MaxWaiters = 3 })
	for range 3 {
		enqueue(t, m, lock.Request{Name: "full"})
	}
	_, err := m.Locks.Enqueue(patient(t), lock.Request{Name: "full"})
	is(t, "enqueue", err, lock.ErrTooManyWaiters)
	_, err = m.Locks.Acquire(patient(t), lock.Request{Name: "full"}, time.Second)
	is(t, "acquire", err, lock.ErrTooManyWaiters)
	_, err = m.Locks.Acquire(patient(t), lock.Request{Name: "full"}, 0)
	is(t, "a try", err, lock.ErrHeld)
}

// TestWaiterLosesSession ends the session of somebody who waits, in every way that there is.
func TestWaiterLosesSession(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	acquire(t, m, lock.Request{Name: "w", TTL: time.Minute})
	for i, end := range []struct {
		ttl   time.Duration
		cause lease.Cause
	}{{lease.MinTTL, lease.Expired}, {time.Minute, lease.Closed}} {
		s, err := m.Sessions.Open(patient(t), lease.Options{TTL: end.ttl})
		if err != nil {
			t.Fatal(err)
		}
		id := s.Session.ID
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		got := make(chan error, 2)
		go func() {
			_, err := m.Locks.Acquire(ctx, lock.Request{Name: "w", Session: id}, forever)
			got <- err
		}()
		length(t, m, "w", 2)
		ticket := enqueue(t, m, lock.Request{Name: "w", Session: id, RequestID: fmt.Sprint(i)}).Ticket
		go func() {
			_, err := m.Locks.Await(ctx, ticket, forever)
			got <- err
		}()
		if end.cause == lease.Closed {
			if _, err := m.Sessions.Close(patient(t), id, znode.Owner{}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			err := <-got
			e, ok := errors.AsType[*lease.LostError](err)
			if !ok || e.Cause != end.cause || e.ID != id {
				t.Errorf("a waiter whose session is over: %v; want %s", err, end.cause)
			}
		}
		length(t, m, "w", 1)
	}
}

// TestForeignContenders queues the names that other clients give their locks with ours.
func TestForeignContenders(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	const uuid = "_c_00112233-4455-6677-8899-aabbccddeeff-"
	var line []lease.ID
	for _, stem := range []string{
		"/shared/" + uuid + "lock-",         // Curator, go-zookeeper
		"/shared/" + "ffeeddccbbaa__lock__", // kazoo
		"/shared/" + uuid + "__WRIT__",      // Curator's write lock
		"/shared/" + "00112233445566778899__lock__",
	} {
		open, err := m.Sessions.Open(patient(t), lease.Options{TTL: lease.DefaultTTL, Labels: map[string]string{"door": "zookeeper"}})
		if err != nil {
			t.Fatal(err)
		}
		s := open.Session.ID
		foreign(t, m, s, stem)
		h := enqueue(t, m, lock.Request{Name: "shared"})
		line = append(line, s, h.Session)
	}
	q := queue(t, m, "shared")
	if q.Total != len(line) {
		t.Fatalf("%d contenders; want %d", q.Total, len(line))
	}
	for i, c := range q.Contenders {
		if c.Session != line[i] {
			t.Errorf("place %d: session %x; want %x", i, c.Session, line[i])
		}
		if i%2 == 0 && (c.Door != "zookeeper" || c.Owner != "10.0.0.7") {
			t.Errorf("a foreign contender: %+v", c)
		}
	}
	_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "shared"}, 0)
	if e, ok := errors.AsType[*lock.HeldError](err); !ok || e.Holder.Session != line[0] || e.Position != len(line) {
		t.Errorf("a try behind foreign contenders: %v", err)
	}
	// Each leaves in turn; ours become holders when the foreign one before is gone.
	for i, s := range line {
		c := queue(t, m, "shared").Contenders[0]
		if c.Session != s || c.State != lock.Held {
			t.Fatalf("turn %d: %+v", i, c)
		}
		if _, err := m.Sessions.Close(patient(t), s, znode.Owner{}); err != nil {
			t.Fatal(err)
		}
	}
	// What does not look like a contender is none.
	out, err := m.Store.Do(patient(t), &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: "/shared/plain", ACL: znode.OpenACL}}})
	if err != nil || out.Code != znode.OK {
		t.Fatal(out.Code, err)
	}
	acquire(t, m, lock.Request{Name: "shared"})
	quorumtest.Eventually(t, "one contender", func() bool { return queue(t, m, "shared").Total == 1 })
}
