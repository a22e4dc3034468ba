package election_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A place is one candidate as the model has it.
type place struct {
	Token    lock.Token
	Session  lease.ID
	Value    string
	Priority int64
	compat   lock.Compat
	ticket   string
}

// TestModel plays random campaigns, resignations, hand-overs, proclamations and ends of sessions at
// three members, and compares the candidates, what is answered, and what leaders are asked with a
// list in memory.
func TestModel(t *testing.T) {
	members := membertest.Start(t, 3)
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		runs++
		m := &model{t: t, r: r, members: members, name: fmt.Sprintf("model/%d", runs)}
		for range 3 {
			m.sessions = append(m.sessions, session(t, members[0]))
		}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			m.step()
			m.compare()
		}
	})
}

type model struct {
	t        *testing.T
	r        *rapid.T
	members  []*membertest.Member
	name     string
	sessions []lease.ID
	queue    []place
	last     lock.Token // the last leader's
	counter  int
}

func (m *model) member() *membertest.Member {
	return rapid.SampledFrom(m.members).Draw(m.r, "member")
}

// any draws a place; false where there is none.
func (m *model) any(what string) (i int, ok bool) {
	if len(m.queue) == 0 {
		return 0, false
	}
	return rapid.IntRange(0, len(m.queue)-1).Draw(m.r, what), true
}

func (m *model) step() {
	at := m.member()
	switch rapid.IntRange(0, 9).Draw(m.r, "what") {
	case 0, 1, 2:
		m.campaign(at)
	case 3, 4, 5:
		m.handOver(at)
	case 6:
		m.proclaim(at)
	case 7, 8:
		if i, ok := m.any("who resigns"); ok {
			p := m.queue[i]
			if _, err := at.Locks.Leave(patient(m.t), p.ticket); err != nil {
				m.r.Fatalf("leave by the ticket of %+v: %v", p, err)
			}
			m.queue = slices.Delete(m.queue, i, i+1)
		}
	default:
		i := rapid.IntRange(0, len(m.sessions)-1).Draw(m.r, "whose session ends")
		if _, err := at.Sessions.Close(patient(m.t), m.sessions[i], znode.Owner{}); err != nil {
			m.r.Fatalf("close: %v", err)
		}
		m.queue = slices.DeleteFunc(m.queue, func(p place) bool { return p.Session == m.sessions[i] })
		m.sessions[i] = session(m.t, at)
	}
}

func (m *model) campaign(at *membertest.Member) {
	m.counter++
	r := candidate(m.name, rapid.SampledFrom(m.sessions).Draw(m.r, "session"), fmt.Sprintf("v%d", m.counter), rapid.Int64Range(0, 2).Draw(m.r, "priority"))
	r.Compat = rapid.SampledFrom([]lock.Compat{lock.CompatCurator, lock.CompatCurator, lock.CompatAll, lock.CompatLatch}).Draw(m.r, "compat")
	h, err := at.Elections.Enqueue(patient(m.t), r)
	if err != nil || (h.State == lock.Held) != (len(m.queue) == 0) || h.Position != len(m.queue) {
		m.r.Fatalf("campaign behind %d = %+v, %v", len(m.queue), h, err)
	}
	m.queue = append(m.queue, place{h.Token, r.Session, r.Candidacy.Value, r.Candidacy.Priority, r.Compat, h.Ticket})
}

func (m *model) handOver(at *membertest.Member) {
	i, ok := m.any("who hands over")
	if !ok {
		return
	}
	j, _ := m.any("to whom")
	if i != 0 && rapid.IntRange(0, 3).Draw(m.r, "whoever") != 0 {
		i = 0
	}
	from, to := m.queue[i], m.queue[j]
	done, err := at.Elections.HandOver(patient(m.t), election.HandOver{Name: m.name, Session: from.Session, Token: from.Token, Candidate: to.Token})
	switch {
	case i != 0:
		if !errors.Is(err, lock.ErrNotHeld) {
			if _, input := errors.AsType[*lease.InputError](err); !input || i != j {
				m.r.Fatalf("a hand-over by place %d = %v", i, err)
			}
		}
	case j == 0:
		membertest.BadInput(m.t, err, "candidate")
	default:
		if err != nil || done.Token <= from.Token || done.Token <= to.Token {
			m.r.Fatalf("a hand-over to place %d = %+v, %v", j, done, err)
		}
		to.Token = done.Token
		m.queue = append([]place{to}, slices.Delete(m.queue, j, j+1)[1:]...)
		m.refresh(at)
	}
}

// refresh takes the tokens of those who wait from the service: a hand-over gives them new ones, which
// grow with their places.
func (m *model) refresh(at *membertest.Member) {
	got := candidates(m.t, at, m.name)
	if len(got) != len(m.queue) {
		m.r.Fatalf("%d candidates; want %d", len(got), len(m.queue))
	}
	for i := 1; i < len(got); i++ {
		if got[i].Token <= got[i-1].Token || got[i].Token <= m.queue[i].Token {
			m.r.Fatalf("place %d has the token %d, the one ahead %d; it had %d", i, got[i].Token, got[i-1].Token, m.queue[i].Token)
		}
		m.queue[i].Token = got[i].Token
	}
}

func (m *model) proclaim(at *membertest.Member) {
	i, ok := m.any("who proclaims")
	if !ok {
		return
	}
	m.counter++
	value := fmt.Sprintf("p%d", m.counter)
	_, err := at.Elections.Proclaim(patient(m.t), election.Proclamation{Name: m.name, Session: m.queue[i].Session, Token: m.queue[i].Token, Value: value})
	switch {
	case i == 0 && err == nil:
		m.queue[0].Value = value
	case i == 0 || !errors.Is(err, lock.ErrNotHeld):
		m.r.Fatalf("a proclamation by place %d = %v", i, err)
	}
}

func (m *model) compare() {
	at := m.member()
	var got []place
	for _, c := range candidates(m.t, at, m.name) {
		got = append(got, place{Token: c.Token, Session: c.Session, Value: c.Value, Priority: c.Priority})
	}
	same := cmp.Comparer(func(a, b place) bool {
		return a.Token == b.Token && a.Session == b.Session && a.Value == b.Value && a.Priority == b.Priority
	})
	if diff := cmp.Diff(m.queue, got, same); diff != "" && len(got)+len(m.queue) > 0 {
		m.r.Fatalf("candidates, in the model (-) and at %s (+):\n%s", at.Name(), diff)
	}
	if len(m.queue) == 0 {
		return
	}
	leader := m.queue[0]
	if leader.Token < m.last {
		m.r.Fatalf("the term %d comes after the term %d", leader.Token, m.last)
	}
	m.last = leader.Token
	var want lock.Token
	best := leader.Priority
	for _, p := range m.queue[1:] {
		if p.Priority > best {
			best, want = p.Priority, p.Token
		}
	}
	var asked lock.Token
	for _, a := range at.Elections.AsksOf(leader.Session, 100) {
		if a.Token == leader.Token {
			asked = a.Candidate.Token
		}
	}
	if asked != want {
		m.r.Fatalf("%s says that the leader is asked by %d; want %d in %+v", at.Name(), asked, want, m.queue)
	}
}
