package election_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

// Short names of what every test here does.
var (
	patient = membertest.Patient
	session = membertest.Session
)

// forever is a wait without limit.
const forever = membertest.Forever

func candidate(name string, s lease.ID, value string, priority int64) lock.Request {
	return lock.Request{Name: name, Session: s, Candidacy: &lock.Candidacy{Value: value, Priority: priority}}
}

// lead campaigns for what nobody leads.
func lead(t testing.TB, m *membertest.Member, r lock.Request) lock.Hold {
	t.Helper()
	h, err := m.Elections.Campaign(patient(t), r, 0)
	if err != nil || h.State != lock.Held {
		t.Fatalf("campaign for %q at %s = %+v, %v", r.Name, m.Name(), h, err)
	}
	return h
}

// follow takes a place behind others.
func follow(t testing.TB, m *membertest.Member, r lock.Request) lock.Hold {
	t.Helper()
	h, err := m.Elections.Enqueue(patient(t), r)
	if err != nil || h.State != lock.Waiting {
		t.Fatalf("enqueue for %q at %s = %+v, %v", r.Name, m.Name(), h, err)
	}
	return h
}

func candidates(t testing.TB, m *membertest.Member, name string) []lock.Contender {
	t.Helper()
	q, err := m.Elections.Candidates(patient(t), name, 100, lock.Read{Linearizable: true})
	if err != nil {
		t.Fatalf("candidates of %q at %s: %v", name, m.Name(), err)
	}
	return q.Contenders
}

// awaits waits on a ticket in the background.
func awaits(t testing.TB, m *membertest.Member, ticket string) <-chan lock.Hold {
	t.Helper()
	led := make(chan lock.Hold, 1)
	ctx := patient(t)
	go func() {
		h, err := m.Locks.Await(ctx, ticket, forever)
		if err != nil {
			t.Errorf("await at %s: %v", m.Name(), err)
		}
		led <- h
	}()
	return led
}

// next returns the next observation.
func next(t testing.TB, o *election.Observer) election.Observation {
	t.Helper()
	now, err := o.Next(patient(t))
	if err != nil {
		t.Fatalf("observe: %v", err)
	}
	return now
}
