package lock_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

func TestTickets(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	a, b := members[0], members[1]

	t.Run("await", func(t *testing.T) {
		s := session(t, a)
		h := acquire(t, a, lock.Request{Name: "t", Session: s})
		w := enqueue(t, b, lock.Request{Name: "t"})
		if w.State != lock.Waiting || w.Position != 1 || w.Ticket == "" {
			t.Fatalf("enqueued: %+v", w)
		}
		// The time runs out, or the caller goes: the place stays.
		got, err := b.Locks.Await(patient(t), w.Ticket, 50*time.Millisecond)
		if err != nil || got.State != lock.Waiting || got.Token != w.Token {
			t.Fatalf("Await = %+v, %v", got, err)
		}
		_, err = b.Locks.Await(membertest.Context(t, 50*time.Millisecond), w.Ticket, forever)
		is(t, "Await", err, context.DeadlineExceeded)
		release(t, a, lock.Release{Name: "t", Session: s, Token: h.Token})
		for _, m := range members { // a ticket is good at every member, as often as asked for
			got, err := m.Locks.Await(patient(t), w.Ticket, forever)
			if err != nil || got.State != lock.Held || got.Token != w.Token || got.Deadline.Before(time.Now()) {
				t.Fatalf("Await at %s = %+v, %v", m.Name(), got, err)
			}
		}
		d, err := a.Locks.Leave(patient(t), w.Ticket)
		if err != nil || d.Repeated || d.Token != w.Token {
			t.Errorf("Leave = %+v, %v", d, err)
		}
		d, err = a.Locks.Leave(patient(t), w.Ticket)
		if err != nil || !d.Repeated || d.Token != w.Token {
			t.Errorf("Leave again = %+v, %v", d, err)
		}
		_, err = a.Locks.Await(patient(t), w.Ticket, forever)
		is(t, "Await after Leave", err, lock.ErrNoTicket)
		length(t, a, "t", 0)
	})
	t.Run("leave the queue", func(t *testing.T) {
		s := session(t, a)
		acquire(t, a, lock.Request{Name: "l"})
		w := enqueue(t, a, lock.Request{Name: "l", Session: s})
		waited := make(chan error, 1)
		go func() {
			_, err := a.Locks.Await(patient(t), w.Ticket, forever)
			waited <- err
		}()
		if _, err := b.Locks.Leave(patient(t), w.Ticket); err != nil {
			t.Fatal(err)
		}
		is(t, "who waited on it", <-waited, lock.ErrNotHeld)
		length(t, a, "l", 1)
	})
	t.Run("no ticket", func(t *testing.T) {
		for _, text := range []string{"", "1", "1.", "x.y", "0.L2E", "12." + "L2EvYg"} {
			if _, err := a.Locks.Await(patient(t), text, 0); err == nil {
				t.Errorf("%q was taken for a ticket", text)
			}
		}
	})
}

// TestHangUp ends the contexts of callers at every moment of an acquire: nothing stays behind.
func TestHangUp(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	holder := acquire(t, members[0], lock.Request{Name: "h", TTL: time.Minute})
	sessions := make([]lease.ID, 3)
	for i, m := range members {
		sessions[i] = session(t, m)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		m := members[i%3]
		r := lock.Request{Name: "h"}
		switch i % 4 {
		case 0, 1:
			r.Session = sessions[i%3] // it lives on: what is left behind would stay
		case 2:
			r.Session, r.RequestID = sessions[i%3], fmt.Sprint("r", i)
		}
		after := time.Duration(rand.Int64N(int64(6 * time.Millisecond)))
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			if h, err := m.Locks.Acquire(ctx, r, forever); err == nil {
				t.Errorf("acquired what is held: %+v", h)
			}
		})
	}
	wg.Wait()
	for _, m := range members {
		length(t, m, "h", 1)
	}
	release(t, members[1], lock.Release{Name: "h", Session: holder.Session})
	// What was still on its way when the queue looked empty leaves a moment after it has come; what
	// nobody gives back would keep these waiting.
	for i, m := range members {
		h, err := m.Locks.Acquire(patient(t), lock.Request{Name: "h", Session: sessions[i], Owner: "last"}, forever)
		if err != nil {
			t.Fatalf("something stays behind: %v", err)
		}
		release(t, m, lock.Release{Name: "h", Session: sessions[i], Token: h.Token})
	}
	for _, m := range members {
		length(t, m, "h", 0)
	}
}

// TestHangUpWhenCutOff ends the contexts of callers at a member that is cut off: after the cut
// the queue is empty.
func TestHangUpWhenCutOff(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	leader, m := membertest.Leader(t, members...), membertest.Follower(t, members...)
	s := session(t, m)
	holder := acquire(t, leader, lock.Request{Name: "cut", TTL: time.Minute})
	waiting, hangUp := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	ask := func(ctx context.Context, r lock.Request) {
		wg.Go(func() {
			if _, err := m.Locks.Acquire(ctx, r, forever); err == nil {
				t.Error("acquired what is held")
			}
		})
	}
	ask(waiting, lock.Request{Name: "cut", Session: s})
	ask(waiting, lock.Request{Name: "cut"})
	length(t, m, "cut", 3)
	membertest.CutOff(m)
	// These reach the leader over the stream; their answers do not come.
	ask(waiting, lock.Request{Name: "cut", Session: s})
	ask(waiting, lock.Request{Name: "cut"})
	length(t, leader, "cut", 5)
	hangUp()
	wg.Wait()
	membertest.Heal(m)
	for _, m := range members {
		length(t, m, "cut", 1)
	}
	release(t, leader, lock.Release{Name: "cut", Session: holder.Session})
}

// TestGapKeepsWaiters has the log compacted past a member with waiters. Those whose place is in
// the tree go on waiting; what was under way is uncertain, and leaves no contender.
func TestGapKeepsWaiters(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3, func(c *membertest.Config) {
		c.Quorum.CompactEvery, c.Quorum.KeepRevisions = 200*time.Millisecond, 10
	})
	leader, m := membertest.Leader(t, members...), membertest.Follower(t, members...)
	// Nobody touches the sessions, and to outrun a member takes a slow machine longer than a usual TTL.
	opened, err := m.Sessions.Open(patient(t), lease.Options{TTL: lease.MaxTTL})
	if err != nil {
		t.Fatal(err)
	}
	s := opened.Session.ID
	holder := acquire(t, leader, lock.Request{Name: "gap", TTL: lease.MaxTTL})
	type answer struct {
		hold lock.Hold
		err  error
	}
	waiter, lostOne := make(chan answer, 1), make(chan answer, 1)
	ctx := membertest.Context(t, 5*quorumtest.Patience) // both wait for as long as the whole test takes
	ask := func(to chan<- answer) {
		h, err := m.Locks.Acquire(ctx, lock.Request{Name: "gap", Session: s}, forever)
		to <- answer{h, err}
	}
	go ask(waiter)
	length(t, m, "gap", 2)
	sub, err := m.Locks.Subscribe("", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	membertest.CutOff(m)
	go ask(lostOne)
	length(t, leader, "gap", 3)
	membertest.Outrun(t, leader)
	membertest.Heal(m)

	is(t, "the acquire over the gap", (<-lostOne).err, store.ErrUncertain)
	for _, m := range members {
		length(t, m, "gap", 2)
	}
	_, err = sub.Next(patient(t))
	is(t, "a subscriber over the gap", err, lock.ErrSlowSubscriber)
	select {
	case a := <-waiter:
		t.Errorf("the waiter was answered: %+v, %v", a.hold, a.err)
	default:
	}
	release(t, leader, lock.Release{Name: "gap", Session: holder.Session})
	if a := <-waiter; a.err != nil || a.hold.State != lock.Held {
		t.Errorf("the waiter after the gap: %+v, %v", a.hold, a.err)
	}
	if m.Gaps() == 0 {
		t.Error("there was no gap")
	}
}
