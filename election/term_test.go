package election_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func data(m *membertest.Member, path string) (data string) {
	m.Store.View(func(t *znode.Tree, _ int64) {
		if n, ok := t.Get(path); ok {
			data = string(n.Data())
		}
	})
	return data
}

// TestValues: what a candidate says is read as it was written, by us and in its znode.
func TestValues(t *testing.T) {
	m := membertest.One(t)
	for _, test := range []struct {
		name     string
		request  lock.Request
		priority int64
		value    string
		raw      bool
	}{
		{name: "a value alone", value: "10.0.0.1:80", raw: true},
		{name: "none"},
		{name: "JSON", value: `{"id":"a"}`},
		{name: "with a priority", value: "a", priority: 7},
		{name: "with an owner", request: lock.Request{Owner: "ann"}, value: "a"},
		{name: "with a reason", request: lock.Request{Reason: "why"}, value: "a"},
		{name: "not ASCII", value: "größer\n\"", raw: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.request
			r.Name, r.Session, r.Door = "values", session(t, m), "rest"
			r.Candidacy = &lock.Candidacy{Value: test.value, Priority: test.priority}
			h := lead(t, m, r)
			got := candidates(t, m, "values")[0]
			if got.Value != test.value || got.Priority != test.priority || got.Owner != test.request.Owner || got.Reason != test.request.Reason {
				t.Errorf("candidate %+v", got)
			}
			if raw := data(m, h.Znode); (raw == test.value) != test.raw && test.value != "" {
				t.Errorf("the znode says %q", raw)
			}
			if _, err := m.Elections.Proclaim(patient(t), election.Proclamation{Name: "values", Session: r.Session, Token: h.Token, Value: "next"}); err != nil {
				t.Fatalf("proclaim: %v", err)
			}
			got = candidates(t, m, "values")[0]
			if got.Value != "next" || got.Token != h.Token || got.Priority != test.priority || got.Owner != test.request.Owner {
				t.Errorf("after the proclamation: candidate %+v", got)
			}
			if raw := data(m, h.Znode); test.raw && raw != "next" {
				t.Errorf("after the proclamation the znode says %q", raw)
			}
			if _, err := m.Locks.Release(patient(t), lock.Release{Name: "values", Session: r.Session, Token: h.Token}); err != nil {
				t.Fatalf("resign: %v", err)
			}
		})
	}
}

// TestProclaim: only who leads by that token says something.
func TestProclaim(t *testing.T) {
	m := membertest.One(t)
	a, b := session(t, m), session(t, m)
	first := lead(t, m, candidate("n", a, "a", 0))
	second := follow(t, m, candidate("n", b, "b", 0))
	proclaim := func(s lease.ID, token lock.Token) error {
		_, err := m.Elections.Proclaim(patient(t), election.Proclamation{Name: "n", Session: s, Token: token, Value: "x"})
		return err
	}
	for _, test := range []struct {
		name  string
		s     lease.ID
		token lock.Token
	}{
		{"one that waits", b, second.Token},
		{"one that waits, without a token", b, 0},
		{"the leader's token of another session", b, first.Token},
		{"the leader with another token", a, second.Token},
		{"a token of nobody", a, first.Token + 1_000_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := proclaim(test.s, test.token); !errors.Is(err, lock.ErrNotHeld) {
				t.Errorf("error = %v; want that it does not lead", err)
			}
		})
	}
	membertest.BadInput(t, proclaim(0, first.Token), "session")
	if err := proclaim(a, 0); err != nil {
		t.Errorf("the leader, without a token: %v", err)
	}
	if _, err := m.Locks.Release(patient(t), lock.Release{Name: "n", Force: true, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := proclaim(a, first.Token); !errors.Is(err, lock.ErrHoldLost) {
		t.Errorf("after a forced release: %v", err)
	}
	if got := candidates(t, m, "n"); len(got) != 1 || got[0].Value != "b" {
		t.Errorf("candidates %+v", got)
	}
}

func TestCampaignIsRefused(t *testing.T) {
	m := membertest.One(t)
	s := session(t, m)
	for _, test := range []struct {
		field  string
		change func(r *lock.Request)
	}{
		{"priority", func(r *lock.Request) { r.Candidacy.Priority = -1 }},
		{"priority", func(r *lock.Request) { r.Candidacy.Priority = election.MaxPriority + 1 }},
		{"compat", func(r *lock.Request) { r.Compat = "some" }},
		{"value", func(r *lock.Request) { r.Candidacy.Value = "\xff" }},
		{"mode", func(r *lock.Request) { r.Mode = lock.ModeRead }},
		{"lock_delay", func(r *lock.Request) { r.LockDelay = time.Second }},
		{"name", func(r *lock.Request) { r.Name = "/a" }},
	} {
		r := candidate("n", s, "v", 0)
		test.change(&r)
		_, err := m.Elections.Campaign(patient(t), r, 0)
		membertest.BadInput(t, err, test.field)
	}
	_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "n", Session: s, Compat: lock.CompatLatch}, 0)
	membertest.BadInput(t, err, "compat")
}
