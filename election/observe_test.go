package election_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lock"
)

func observe(t testing.TB, m *membertest.Member) *election.Observer {
	t.Helper()
	o, err := m.Elections.Observe("n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

func TestObserve(t *testing.T) {
	m := membertest.One(t)
	o := observe(t, m)
	if now := next(t, o); now.State != election.None {
		t.Errorf("before anybody campaigns: %+v", now)
	}
	a, b := session(t, m), session(t, m)
	first := lead(t, m, candidate("n", a, "a", 1))
	if now := next(t, o); now.State != election.Leads || now.Leader.Token != first.Token || now.Leader.Value != "a" || now.Asked.Token != 0 {
		t.Errorf("with a leader: %+v", now)
	}
	follow(t, m, candidate("n", b, "equal", 1))
	if _, err := m.Elections.Proclaim(patient(t), election.Proclamation{Name: "n", Session: a, Token: first.Token, Value: "new"}); err != nil {
		t.Fatal(err)
	}
	if now := next(t, o); now.Leader.Value != "new" || now.Asked.Token != 0 {
		t.Errorf("with another value: %+v", now)
	}
	asking := follow(t, m, candidate("n", b, "higher", 2))
	if now := next(t, o); now.Asked.Token != asking.Token || now.Asked.Priority != 2 || now.Leader.Token != first.Token {
		t.Errorf("with one who asks: %+v", now)
	}
	if _, err := handOver(t, m, a, first.Token, asking.Token); err != nil {
		t.Fatal(err)
	}
	if now := next(t, o); now.State != election.Leads || now.Leader.Value != "higher" || now.Asked.Token != 0 {
		t.Errorf("after a hand-over: %+v", now)
	}
	quiet, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if now, err := o.Next(quiet); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without news: %+v, %v", now, err)
	}
	o.Close()
	if _, err := o.Next(t.Context()); !errors.Is(err, lock.ErrSubscriptionEnded) {
		t.Errorf("after Close: %v", err)
	}
}

// TestUnknown: a member without a quorum cannot tell, and says so; when it is back it can.
func TestUnknown(t *testing.T) {
	members := membertest.Start(t, 3, func(c *membertest.Config) {
		c.Election = election.Config{StaleAfter: time.Second, CheckEvery: 100 * time.Millisecond}
	})
	m := members[0]
	o := observe(t, m)
	first := lead(t, m, candidate("n", session(t, m), "a", 0))
	for now := next(t, o); now.State != election.Leads; now = next(t, o) {
		if now.State == election.Unknown {
			t.Log("unknown at first")
		}
	}
	members[1].Close()
	members[2].Close()
	if now := next(t, o); now.State != election.Unknown || now.Leader.Token != 0 {
		t.Errorf("without a quorum: %+v", now)
	}
	var wg sync.WaitGroup
	for _, o := range members[1:] {
		wg.Go(func() { o.Restart() })
	}
	wg.Wait()
	if now := next(t, o); now.State != election.Leads || now.Leader.Token != first.Token {
		t.Errorf("with the quorum back: %+v", now)
	}
}

func TestObserversAreBounded(t *testing.T) {
	m := membertest.One(t, func(c *membertest.Config) { c.Election.Observers = 1 })
	o := observe(t, m)
	if _, err := m.Elections.Observe("x"); !errors.Is(err, lock.ErrTooManySubscribers) {
		t.Errorf("one more: %v", err)
	}
	o.Close()
	o.Close()
	observe(t, m)
	if _, err := m.Elections.Observe("/x"); err == nil {
		t.Error("a bad name is observed")
	}
}

// asks are told in the store's apply loop.
type asks chan election.Ask

func (a asks) Asked(ask election.Ask) { a <- ask }

// TestAsks: a leader is told of the foremost candidate above it, once each, and of those there when
// its own term begins.
func TestAsks(t *testing.T) {
	m := membertest.One(t)
	told := make(asks, 100)
	m.Elections.Follow(told)
	s := session(t, m)
	first := lead(t, m, candidate("n", s, "0", 0))
	five := follow(t, m, candidate("n", s, "5", 5))
	if a := membertest.Receive(t, "that the leader is asked", told); a.Token != first.Token || a.Candidate.Token != five.Token || a.Candidate.Priority != 5 || a.Session != s || a.Name != "n" {
		t.Errorf("asked %+v", a)
	}
	follow(t, m, candidate("n", s, "4", 4))
	follow(t, m, candidate("n", s, "5 again", 5))
	nine := follow(t, m, candidate("n", s, "9", 9))
	if a := membertest.Receive(t, "that the leader is asked", told); a.Candidate.Token != nine.Token {
		t.Errorf("asked %+v; want by the one with the highest priority", a)
	}
	if got := m.Elections.AsksOf(s, 10); len(got) != 1 || got[0].Candidate.Token != nine.Token || got[0].Token != first.Token {
		t.Errorf("asks of the session: %+v", got)
	}
	// First come, first served: the one with 5 leads, and is asked in turn.
	if _, err := m.Locks.Release(patient(t), lock.Release{Name: "n", Session: s, Token: first.Token}); err != nil {
		t.Fatal(err)
	}
	if a := membertest.Receive(t, "that the leader is asked", told); a.Token != five.Token || a.Candidate.Token != nine.Token {
		t.Errorf("asked %+v", a)
	}
	if _, err := handOver(t, m, s, five.Token, nine.Token); err != nil {
		t.Fatal(err)
	}
	if got := m.Elections.AsksOf(s, 10); len(got) != 0 {
		t.Errorf("nobody is above, but %+v asks", got)
	}
	select {
	case a := <-told:
		t.Errorf("asked %+v", a)
	default:
	}
}
