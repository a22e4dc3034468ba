package lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

// A wait that its member's stop has ended keeps its place for its client to come back for it, at whatever
// member; one whose client does not come loses it, before the member has closed.
func TestAStoppedWaitKeepsItsPlace(t *testing.T) {
	m := membertest.One(t)
	s := membertest.Session(t, m)
	if _, err := m.Locks.Acquire(membertest.Patient(t), lock.Request{Name: "a", Session: s}, 0); err != nil {
		t.Fatal(err)
	}
	stopping, stop := context.WithCancelCause(membertest.Patient(t))
	ended := make(chan error, 3)
	requests := []lock.Request{
		{Name: "a", Session: membertest.Session(t, m), RequestID: "back"},
		{Name: "a", Session: membertest.Session(t, m), RequestID: "gone"},
		{Name: "a", Session: membertest.Session(t, m)},
	}
	for i, r := range requests {
		go func() {
			_, err := m.Locks.Acquire(stopping, r, membertest.Forever)
			ended <- err
		}()
		queued(t, m, i+2)
	}
	before := queued(t, m, 4)
	begun := time.Now()
	stop(store.ErrClosed)
	for range requests {
		membertest.Is(t, "the wait", <-ended, store.ErrClosed)
	}
	queued(t, m, 3) // the last one cannot be repeated
	again, err := m.Locks.Enqueue(membertest.Patient(t), requests[0])
	if err != nil || !again.Repeated || again.Token != before[1] {
		t.Errorf("repeated: token %d, %v, %v; want token %d", again.Token, again.Repeated, err, before[1])
	}
	m.Locks.Finish(membertest.Patient(t))
	if left := queued(t, m, 2); left[1] != before[1] {
		t.Errorf("%v are left of %v", left, before)
	}
	if took := time.Since(begun); took < time.Second {
		t.Errorf("a place was kept for only %v", took)
	}
}

// queued waits until n stand in the queue of a, and returns their tokens.
func queued(t *testing.T, m *membertest.Member, n int) (tokens []lock.Token) {
	t.Helper()
	quorumtest.Eventually(t, "the queue", func() bool {
		q, err := m.Locks.Queue(membertest.Patient(t), "a", 10, lock.Read{})
		if err != nil {
			t.Fatal(err)
		}
		tokens = nil
		for _, x := range q.Contenders {
			tokens = append(tokens, x.Token)
		}
		return len(tokens) == n
	})
	return tokens
}
