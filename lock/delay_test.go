package lock_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestLockDelay: a lock rests after its holder has expired, and after nothing else.
func TestLockDelay(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	const delay = 1500 * time.Millisecond
	s, err := m.Sessions.Open(patient(t), lease.Options{TTL: lease.MinTTL})
	if err != nil {
		t.Fatal(err)
	}
	h := acquire(t, m, lock.Request{Name: "rests", Session: s.Session.ID, LockDelay: delay})
	events, err := m.Locks.Subscribe("rests", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	next := func(kind lock.EventKind, token lock.Token) time.Time {
		t.Helper()
		e, err := events.Next(patient(t))
		if err != nil || e.Kind != kind || e.Token != token {
			t.Fatalf("event %+v, %v; want %s of %d", e, err, kind, token)
		}
		return e.Time
	}
	waiter := enqueue(t, m, lock.Request{Name: "rests", Session: session(t, m)})
	next(lock.EventWaiting, waiter.Token)
	lostAt := next(lock.EventLost, h.Token) // its session is kept by nobody
	q := queue(t, m, "rests")
	if c := q.Contenders[0]; q.Total != 2 || c.State != lock.Resting || c.RestsUntil.Before(lostAt.Add(delay)) || q.Contenders[1].State != lock.Waiting {
		t.Errorf("queue %+v", q)
	}
	if _, err := m.Locks.Acquire(patient(t), lock.Request{Name: "rests"}, 0); !errors.Is(err, lock.ErrHeld) {
		t.Errorf("a try while it rests: %v", err)
	}
	_, err = m.Locks.Release(patient(t), lock.Release{Name: "rests", Session: s.Session.ID, Token: h.Token})
	lost(t, err, h.Token, "expired", "")
	if _, err := m.Locks.Await(patient(t), h.Ticket, 0); !errors.Is(err, lock.ErrHoldLost) {
		t.Errorf("its ticket: %v", err)
	}
	if rested := next(lock.EventAcquired, waiter.Token).Sub(lostAt); rested < delay || rested > delay+time.Second {
		t.Errorf("rested for %v; want %v", rested, delay)
	}
	if got, err := m.Locks.Await(patient(t), waiter.Ticket, forever); err != nil || got.State != lock.Held {
		t.Errorf("the waiter: %+v, %v", got, err)
	}
}

// TestForceARest: a lock that rests is taken by force, too.
func TestForceARest(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	s, err := m.Sessions.Open(patient(t), lease.Options{TTL: lease.MinTTL})
	if err != nil {
		t.Fatal(err)
	}
	h := acquire(t, m, lock.Request{Name: "forced", Session: s.Session.ID, LockDelay: time.Minute})
	waiter := enqueue(t, m, lock.Request{Name: "forced", Session: session(t, m)})
	quorumtest.Eventually(t, "the lock rests", func() bool { return queue(t, m, "forced").Contenders[0].State == lock.Resting })
	if _, err := m.Locks.Release(patient(t), lock.Release{Name: "forced", Force: true, Token: h.Token}); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Locks.Await(patient(t), waiter.Ticket, forever); err != nil || got.State != lock.Held {
		t.Errorf("the waiter: %+v, %v", got, err)
	}
}

func TestNoLockDelay(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	for _, end := range []string{"released", "closed", "forced"} {
		s := session(t, m)
		h := acquire(t, m, lock.Request{Name: "d/" + end, Session: s, LockDelay: time.Minute})
		var err error
		switch end {
		case "released":
			_, err = m.Locks.Release(patient(t), lock.Release{Name: h.Name, Session: s})
		case "closed":
			_, err = m.Sessions.Close(patient(t), s, znode.Owner{})
		case "forced":
			_, err = m.Locks.Release(patient(t), lock.Release{Name: h.Name, Force: true, Reason: "r"})
		}
		if err != nil {
			t.Fatalf("%s: %v", end, err)
		}
		acquire(t, m, lock.Request{Name: h.Name})
	}
	_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "d", LockDelay: 2 * time.Minute}, 0)
	if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != "lock_delay" {
		t.Errorf("too long a delay: %v", err)
	}
}
