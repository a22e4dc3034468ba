package lock_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

func TestReentrant(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	s, other := session(t, m), session(t, m)
	request := func(id string) lock.Request {
		return lock.Request{Name: "again", Session: s, Owner: "thread-1", Reentrant: true, RequestID: id}
	}
	take := func(r lock.Request, count int, repeated bool) lock.Hold {
		t.Helper()
		h, err := m.Locks.Acquire(patient(t), r, 0)
		if err != nil || h.Count != count || h.Repeated != repeated || h.State != lock.Held {
			t.Fatalf("acquire %q = %+v, %v; want count %d, repeated %v", r.RequestID, h, err, count, repeated)
		}
		return h
	}
	first := take(request("1"), 1, false)
	if h := take(request("2"), 2, false); h.Token != first.Token {
		t.Errorf("token %d; want %d", h.Token, first.Token)
	}
	take(request("2"), 2, true)
	take(request(""), 3, false)

	r := request("3")
	r.Owner = "thread-2"
	if _, err := m.Locks.Acquire(patient(t), r, 0); !errors.Is(err, lock.ErrHeld) {
		t.Errorf("another owner of the session: %v", err)
	}
	r = request("4")
	r.Session = other
	if _, err := m.Locks.Acquire(patient(t), r, 0); !errors.Is(err, lock.ErrHeld) {
		t.Errorf("another session: %v", err)
	}
	r = request("5")
	r.Mode = lock.ModeRead
	if _, err := m.Locks.Acquire(patient(t), r, 0); !errors.As(err, new(*lease.InputError)) {
		t.Errorf("in another mode: %v", err)
	}
	r.Session = 0
	if _, err := m.Locks.Acquire(patient(t), r, 0); !errors.As(err, new(*lease.InputError)) {
		t.Errorf("without a session: %v", err)
	}

	give := func(id string, count int, repeated bool) {
		t.Helper()
		d, err := m.Locks.Release(patient(t), lock.Release{Name: "again", Session: s, RequestID: id})
		if err != nil || d.Count != count || d.Repeated != repeated || d.Token != first.Token {
			t.Errorf("release %q = %+v, %v; want count %d, repeated %v", id, d, err, count, repeated)
		}
	}
	give("2", 2, false)
	give("1", 1, false)
	give("", 0, false)
	length(t, m, "again", 0)
	give("", 0, true)
}

// TestReentrantAtOnce: callers of one owner at several members count up and down as they come.
func TestReentrantAtOnce(t *testing.T) {
	t.Parallel()
	c := membertest.Start(t, 3)
	s := session(t, c[0])
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() {
			m := c[i%3]
			r := lock.Request{Name: "at-once", Session: s, Owner: "me", Reentrant: true, RequestID: fmt.Sprint(i)}
			if h, err := m.Locks.Acquire(patient(t), r, forever); err != nil || h.State != lock.Held {
				t.Errorf("acquire %d: %+v, %v", i, h, err)
			}
		})
	}
	wg.Wait()
	q := queue(t, c[1], "at-once")
	if q.Total != 1 {
		t.Fatalf("%d contenders", q.Total)
	}
	for i := range 9 {
		wg.Go(func() {
			if _, err := c[(i+1)%3].Locks.Release(patient(t), lock.Release{Name: "at-once", Session: s, RequestID: fmt.Sprint(i)}); err != nil {
				t.Errorf("release %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	length(t, c[2], "at-once", 0)
}

// TestReentrantWaits: those of one owner wait in one place, and each gives up only its own part.
func TestReentrantWaits(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	h := acquire(t, m, lock.Request{Name: "w"})
	s := session(t, m)
	request := func(id string) lock.Request {
		return lock.Request{Name: "w", Session: s, Owner: "me", Reentrant: true, RequestID: id}
	}
	got := make(chan error, 1)
	go func() {
		_, err := m.Locks.Acquire(patient(t), request("stays"), forever)
		got <- err
	}()
	length(t, m, "w", 2)
	if _, err := m.Locks.Acquire(patient(t), request("goes"), 50*time.Millisecond); !errors.Is(err, lock.ErrHeld) {
		t.Errorf("after the wait: %v", err)
	}
	length(t, m, "w", 2)
	release(t, m, lock.Release{Name: "w", Session: h.Session})
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if d := release(t, m, lock.Release{Name: "w", Session: s}); d.Count != 0 {
		t.Errorf("%+v", d)
	}
	length(t, m, "w", 0)
}
