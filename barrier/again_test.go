package barrier_test

import (
	"context"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestEnterAgainAmongAll repeats an entry at a barrier that takes nobody else.
func TestEnterAgainAmongAll(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Barrier.MaxParticipants = 2 })
	id := session(t, m)
	begun, done := enter(t, m, barrier.Entry{Name: "b", Count: 2, ID: "one", Session: id}, forever)
	membertest.Receive(t, "the wait", begun)
	last := barrier.Entry{Name: "b", Count: 2, ID: "two", Session: id}
	for _, repeated := range []bool{false, true} {
		if p, err := m.Barriers.Enter(patient(t), last, 0); err != nil || !p.Open || p.Repeated != repeated {
			t.Errorf("the last: %+v, %v; want one that is repeated: %v", p, err, repeated)
		}
	}
	if e := membertest.Receive(t, "the first", done); e.err != nil {
		t.Error(e.err)
	}
	_, err := m.Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 2, ID: "three", Session: id}, 0)
	is(t, "one more", err, barrier.ErrTooManyParticipants)
}

// TestEnterUnanswered has a client lose its attachment while it waits: it does not hear that the
// barrier is open, nor its participant's name, so nobody may wait for that.
func TestEnterUnanswered(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	ctx := patient(t)
	id := session(t, m)
	attached, err := m.Sessions.Attach(ctx, id, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	begun, done := enter(t, m, barrier.Entry{Name: "b", Count: 2, Session: id, Generation: attached.Session.Owner.Generation}, forever)
	membertest.Receive(t, "the wait", begun)
	if _, err := m.Sessions.Attach(ctx, id, 1, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Barriers.Enter(ctx, barrier.Entry{Name: "b", Count: 2, ID: "last", TTL: time.Hour}, 0); err != nil {
		t.Fatal(err)
	}
	is(t, "the entry of before", membertest.Receive(t, "its end", done).err, znode.ErrSessionMoved)
	came(t, m, "b", 1)
}

// TestLeaveGivenUp ends a participant's wait for the others, who stay.
func TestLeaveGivenUp(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	begun, done := enter(t, m, barrier.Entry{Name: "b", Count: 2, ID: "a", Session: session(t, m)}, forever)
	membertest.Receive(t, "the wait", begun)
	p, err := m.Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 2, ID: "b", TTL: time.Hour}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := membertest.Receive(t, "the other", done); e.err != nil {
		t.Fatal(e.err)
	}
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	_, err = m.Barriers.Leave(ctx, barrier.Exit{Name: "b", ID: "b", Session: p.Session, Begins: cancel}, forever)
	is(t, "a leave whose context ended", err, context.Canceled)
	came(t, m, "b", 1)
	quorumtest.Eventually(t, "the end of the session that was made for one participant", func() bool {
		_, _, ok := m.Sessions.Look(p.Session)
		return !ok
	})
}
