//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/history"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A caller takes turns with others, and notes what it does and sees in histories.
type caller struct {
	name      string
	endpoints []string // in the order in which it tries them
	client    *sdk.Client
	turns     int
	impatient *impatient // nil: it waits for answers
}

// run takes turns until stop is closed.
func (x *caller) run(ctx context.Context, stop <-chan struct{}, turn func(ctx context.Context, x *caller) error) error {
	for ctx.Err() == nil {
		select {
		case <-stop:
			return nil
		default:
		}
		x.turns++
		if err := turn(ctx, x); err != nil {
			return fmt.Errorf("turn %d: %w", x.turns, err)
		}
		pass(ctx, time.Duration(rand.IntN(10))*time.Millisecond)
	}
	return ctx.Err()
}

// owner is who claims something in this turn.
func (x *caller) owner() string { return x.name + "-" + strconv.Itoa(x.turns) }

// pass lets d pass, or less where ctx ends.
func pass(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// look notes who holds, and returns who waits.
func (x *caller) look(ctx context.Context, s subject) (waiting []sdk.Contender, err error) {
	look := s.Look()
	all, err := s.look(ctx, x.client, s.Name())
	if err != nil {
		return nil, err
	}
	var holders []history.Holder
	for _, c := range all {
		if c.Holds {
			holders = append(holders, history.Holder{Owner: c.Owner, Token: int64(c.Token), Permits: c.Permits, Value: c.Value})
		} else {
			waiting = append(waiting, c)
		}
	}
	look.Saw(holders...)
	return waiting, nil
}

// work is what is done under a hold: a little, or a look.
func (x *caller) work(ctx context.Context, s subject) error {
	pass(ctx, time.Duration(rand.IntN(5))*time.Millisecond)
	if rand.IntN(3) > 0 {
		return nil
	}
	_, err := x.look(ctx, s)
	return err
}

// lockTurn waits for a mutex or tries it, and gives it up.
func (x *caller) lockTurn(ctx context.Context, s subject) error {
	m := x.client.Mutex(s.Name(), sdk.WithLockOwner(x.owner()))
	take := s.Take(history.Claim{Owner: x.owner()})
	if rand.IntN(2) == 0 {
		h, err := m.TryLock(ctx)
		if errors.Is(err, sdk.ErrHeld) {
			take.Refused()
			return x.work(ctx, s)
		}
		return x.held(ctx, s, take, h, err)
	}
	h, err := m.Lock(ctx)
	return x.held(ctx, s, take, h, err)
}

// held notes that a claim holds, works, and gives it up.
func (x *caller) held(ctx context.Context, s subject, take *history.Call, h *sdk.Hold, err error) error {
	if err != nil {
		return err
	}
	take.Granted(int64(h.Token()))
	if err := x.work(ctx, s); err != nil {
		return err
	}
	end := s.End(x.owner())
	if err := h.Unlock(ctx); err != nil {
		return err
	}
	end.Done()
	return nil
}

// bothTurn takes two mutexes together.
func (x *caller) bothTurn(ctx context.Context, a, b subject) error {
	claim := history.Claim{Owner: x.owner()}
	takeA, takeB := a.Take(claim), b.Take(claim)
	h, err := x.client.MultiLock([]string{b.Name(), a.Name()}, sdk.WithLockOwner(x.owner())).Lock(ctx)
	if err != nil {
		return err
	}
	takeA.Granted(int64(h.Token(a.Name())))
	takeB.Granted(int64(h.Token(b.Name())))
	if err := x.work(ctx, b); err != nil {
		return err
	}
	endA, endB := a.End(x.owner()), b.End(x.owner())
	if err := h.Unlock(ctx); err != nil {
		return err
	}
	endA.Done()
	endB.Done()
	return nil
}

// modeTurn reads, or writes and perhaps reads on.
func (x *caller) modeTurn(ctx context.Context, s subject) error {
	m := x.client.RWMutex(s.Name(), sdk.WithLockOwner(x.owner()))
	how := rand.IntN(6)
	take := s.Take(history.Claim{Owner: x.owner(), Shared: how > 1})
	switch how {
	case 0:
		h, err := m.Lock(ctx)
		return x.held(ctx, s, take, h, err)
	case 1:
		h, err := m.Lock(ctx)
		if err != nil {
			return err
		}
		take.Granted(int64(h.Token()))
		share := s.Share(x.owner())
		if err := m.Downgrade(ctx, h); err != nil {
			return err
		}
		share.Done()
		return x.held(ctx, s, take, h, nil)
	case 2:
		h, err := m.TryRLock(ctx)
		if errors.Is(err, sdk.ErrHeld) {
			take.Refused()
			return x.work(ctx, s)
		}
		return x.held(ctx, s, take, h, err)
	}
	h, err := m.RLock(ctx)
	return x.held(ctx, s, take, h, err)
}

// permitsTurn takes some permits, and gives them back.
func (x *caller) permitsTurn(ctx context.Context, s subject) error {
	n := 1 + rand.IntN(3)
	pool := x.client.Semaphore(s.Name(), sdk.WithPermits(poolLimit), sdk.WithLockOwner(x.owner()))
	take := s.Take(history.Claim{Owner: x.owner(), Permits: n})
	if rand.IntN(4) == 0 {
		h, err := pool.TryAcquire(ctx, n)
		if errors.Is(err, sdk.ErrNoPermits) {
			take.Refused()
			return x.work(ctx, s)
		}
		return x.held(ctx, s, take, h, err)
	}
	h, err := pool.Acquire(ctx, n)
	return x.held(ctx, s, take, h, err)
}

// termTurn campaigns, perhaps proclaims, and resigns or hands over.
func (x *caller) termTurn(ctx context.Context, s subject) error {
	value := "at " + x.owner()
	take := s.Take(history.Claim{Owner: x.owner(), Value: value})
	term, err := x.client.Election(s.Name(), sdk.WithLockOwner(x.owner())).Campaign(ctx, value)
	if err != nil {
		return err
	}
	take.Granted(int64(term.Token()))
	if rand.IntN(2) == 0 {
		value += ", for sure"
		say := s.Proclaim(x.owner(), value)
		if err := term.Proclaim(ctx, value); err != nil {
			return err
		}
		say.Done()
	}
	waiting, err := x.look(ctx, s)
	if err != nil {
		return err
	}
	if len(waiting) == 0 || rand.IntN(2) == 0 {
		end := s.End(x.owner())
		if err := term.Resign(ctx); err != nil {
			return err
		}
		end.Done()
		return nil
	}
	to := waiting[rand.IntN(len(waiting))]
	give := s.HandOver(x.owner(), history.Claim{Owner: to.Owner, Value: to.Value})
	err = term.HandOver(ctx, to.Token)
	switch {
	case err == nil:
		give.Done()
	case errors.Is(err, sdk.ErrUncertain): // it was handed over, or is resigned
	case errors.Is(err, sdk.ErrNoCandidate):
		give.Resigned()
	default:
		return err
	}
	return nil
}
