package lock_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/history"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// TestLinearizable has callers at three members contend for two mutexes, one by one and together, for
// a lock in its modes, and for permits, by tries, by waits with and without an end, and by tickets,
// while leadership moves around.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	a, b := history.New("linear/a", 0), history.New("linear/b", 0)
	modes, pool := history.New("linear/modes", 0), history.New("linear/pool", poolLimit)
	callers := make([]linear, 15)
	for i := range callers {
		callers[i] = linear{t: t, session: session(t, members[i%3])}
	}
	moves := membertest.Contend(t, members, len(callers), 5*time.Second, func(caller, i int, m *membertest.Member) bool {
		c := callers[caller]
		c.m, c.owner = m, fmt.Sprint(caller, "-", i)
		var err error
		switch caller / 3 {
		case 0:
			err = c.lockTurn([]*history.History{a, b}[rand.IntN(2)])
		case 1:
			err = c.bothTurn(a, b)
		case 2, 3:
			err = c.modesTurn(modes)
		default:
			err = c.permitsTurn(pool)
		}
		if err != nil {
			t.Errorf("caller %d: %v", caller, err)
		}
		return err == nil
	})
	all := []*history.History{a, b, modes, pool}
	if err := history.Check(30*time.Second, all...); err != nil {
		t.Error(err)
	}
	for _, h := range all {
		t.Logf("%s over %d changes of leader: %+v", h.Name(), moves, h.Tally())
	}
	if view := semaphore(t, members[0], pool.Name()); view.InUse != 0 || view.Waiting != 0 {
		t.Errorf("left over: %+v", view)
	}
}

// A linear is one caller of many, in a session of its own, and its turn.
type linear struct {
	t       *testing.T
	m       *membertest.Member
	session lease.ID
	owner   string // the turn's
}

func (c linear) request(name string) lock.Request {
	return lock.Request{Name: name, Session: c.session, Owner: c.owner, RequestID: c.owner}
}

// anyWait draws how long an acquire waits.
func anyWait() time.Duration {
	return []time.Duration{0, 20 * time.Millisecond, forever}[rand.IntN(3)]
}

// missed notes that a wait has ended without the lock.
func missed(take *history.Call, wait time.Duration) {
	if wait == 0 {
		take.Refused()
	} else {
		take.Left()
	}
}

// lockTurn takes a mutex, looks, and gives it up.
func (c linear) lockTurn(h *history.History) error {
	wait := anyWait()
	take := h.Take(history.Claim{Owner: c.owner})
	hold, err := c.m.Locks.Acquire(patient(c.t), c.request(h.Name()), wait)
	switch {
	case errors.Is(err, lock.ErrHeld) && wait != forever:
		missed(take, wait)
		return c.look(h)
	case err != nil:
		return fmt.Errorf("acquire: %w", err)
	}
	take.Granted(int64(hold.Token))
	if err := c.look(h); err != nil {
		return err
	}
	return c.release(h, hold.Token)
}

// bothTurn takes two mutexes together.
func (c linear) bothTurn(a, b *history.History) error {
	wait := anyWait()
	takes := []*history.Call{a.Take(history.Claim{Owner: c.owner}), b.Take(history.Claim{Owner: c.owner})}
	holds, err := c.m.Locks.AcquireAll(patient(c.t), []string{a.Name(), b.Name()}, c.request(""), wait)
	switch {
	case errors.Is(err, lock.ErrHeld) && wait != forever:
		for _, take := range takes {
			take.Left() // one of them may have been free
		}
		return nil
	case err != nil:
		return fmt.Errorf("acquire both: %w", err)
	}
	for i, take := range takes {
		take.Granted(int64(holds[i].Token))
	}
	return errors.Join(c.release(b, holds[1].Token), c.release(a, holds[0].Token))
}

func (c linear) release(h *history.History, token lock.Token) error {
	end := h.End(c.owner)
	if _, err := c.m.Locks.Release(patient(c.t), lock.Release{Name: h.Name(), Session: c.session, Token: token}); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	end.Done()
	return nil
}

// look notes who holds.
func (c linear) look(h *history.History) error {
	look := h.Look()
	q, err := c.m.Locks.Queue(patient(c.t), h.Name(), 1000, lock.Read{Linearizable: true})
	if err != nil {
		return fmt.Errorf("look: %w", err)
	}
	look.Saw(holders(q.Contenders)...)
	return nil
}

// holders returns those of contenders who hold.
func holders(all []lock.Contender) (list []history.Holder) {
	for _, x := range all {
		if x.State == lock.Held {
			list = append(list, history.Holder{Owner: x.Owner, Token: int64(x.Token), Permits: x.Permits})
		}
	}
	return list
}
