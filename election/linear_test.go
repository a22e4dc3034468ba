package election_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/internal/history"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// TestLinearizable has candidates at three members campaign, proclaim, resign, hand over and look who
// leads, while leadership of the quorum moves around.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	h := history.New("linear", 0)
	sessions := make([]lease.ID, 7)
	for i := range sessions {
		sessions[i] = session(t, members[i%3])
	}
	moves := membertest.Contend(t, members, len(sessions), 4*time.Second, func(caller, i int, m *membertest.Member) bool {
		c := candidacy{t, m, h, sessions[caller], fmt.Sprint(caller, "-", i)}
		err := c.turn()
		if err != nil {
			t.Errorf("candidate %d: %v", caller, err)
		}
		return err == nil
	})
	if err := history.Check(30*time.Second, h); err != nil {
		t.Error(err)
	}
	n := h.Tally()
	if n.HandOvers == 0 || n.Looks == 0 {
		t.Error("nobody handed over, or nobody looked")
	}
	t.Logf("%+v over %d changes of leader", n, moves)
	if got := candidates(t, members[0], h.Name()); len(got) != 0 {
		t.Errorf("left over: %+v", got)
	}
}

// A candidacy is one candidate's turn.
type candidacy struct {
	t       *testing.T
	m       *membertest.Member
	h       *history.History
	session lease.ID
	owner   string
}

func (c candidacy) turn() error {
	value := "at " + c.owner
	take := c.h.Take(history.Claim{Owner: c.owner, Value: value})
	r := candidate(c.h.Name(), c.session, value, 0)
	r.Owner, r.RequestID = c.owner, c.owner
	wait := []time.Duration{0, 20 * time.Millisecond, forever, forever}[rand.IntN(4)]
	term, err := c.m.Elections.Campaign(patient(c.t), r, wait)
	switch {
	case errors.Is(err, lock.ErrHeld) && wait == 0:
		take.Refused()
		_, err := c.look()
		return err
	case errors.Is(err, lock.ErrHeld) && wait != forever:
		take.Left()
		return nil
	case err != nil:
		return fmt.Errorf("campaign: %w", err)
	}
	take.Granted(int64(term.Token))
	if rand.IntN(2) == 0 {
		value += ", for sure"
		say := c.h.Proclaim(c.owner, value)
		p := election.Proclamation{Name: c.h.Name(), Session: c.session, Token: term.Token, Value: value}
		if _, err := c.m.Elections.Proclaim(patient(c.t), p); err != nil {
			return fmt.Errorf("proclaim: %w", err)
		}
		say.Done()
	}
	waiting, err := c.look()
	if err != nil {
		return err
	}
	if len(waiting) > 0 && rand.IntN(2) == 0 {
		if done, err := c.handOver(term.Token, waiting[rand.IntN(len(waiting))]); done || err != nil {
			return err
		}
	}
	end := c.h.End(c.owner)
	if _, err := c.m.Locks.Release(patient(c.t), lock.Release{Name: c.h.Name(), Session: c.session, Token: term.Token}); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	end.Done()
	return nil
}

// handOver gives a term to somebody who waits, and reports false where that one waits no more.
func (c candidacy) handOver(token lock.Token, to lock.Contender) (done bool, err error) {
	give := c.h.HandOver(c.owner, history.Claim{Owner: to.Owner, Value: to.Value})
	_, err = c.m.Elections.HandOver(patient(c.t), election.HandOver{Name: c.h.Name(), Session: c.session, Token: token, Candidate: to.Token})
	switch {
	case errors.Is(err, election.ErrNoCandidate):
		give.Refused()
		return false, nil
	case err != nil:
		return false, fmt.Errorf("hand over: %w", err)
	}
	give.Done()
	return true, nil
}

// look notes who leads, and returns who waits.
func (c candidacy) look() (waiting []lock.Contender, err error) {
	look := c.h.Look()
	q, err := c.m.Elections.Candidates(patient(c.t), c.h.Name(), 100, lock.Read{Linearizable: true})
	if err != nil {
		return nil, fmt.Errorf("look: %w", err)
	}
	var leaders []history.Holder
	for _, x := range q.Contenders {
		if x.State == lock.Held {
			leaders = append(leaders, history.Holder{Owner: x.Owner, Token: int64(x.Token), Value: x.Value})
		} else {
			waiting = append(waiting, x)
		}
	}
	look.Saw(leaders...)
	return waiting, nil
}
