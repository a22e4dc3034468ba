package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A place is a mutex within this process: whoever gets something into the channel holds it.
type place chan struct{}

func (p place) Lock(context.Context) error   { p <- struct{}{}; return nil }
func (p place) Unlock(context.Context) error { <-p; return nil }

func noCPU() time.Duration { return 0 }

func TestContendCountsHandOvers(t *testing.T) {
	for _, test := range []struct {
		name    string
		workers int
		hot     bool
		passes  bool // the lock ever passes to another worker
	}{
		{"one worker on a hot lock passes it to nobody", 1, true, false},
		{"two workers on a hot lock", 2, true, true},
		{"one worker on a lock of its own", 1, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			shared := make(place, 1)
			mutexes := make([]mutex, test.workers)
			for i := range mutexes {
				mutexes[i] = shared
			}
			l, err := contend(t.Context(), mutexes, 50*time.Millisecond, noCPU, ofCycles, test.hot)
			if test.passes && (err != nil || l.ops == 0) {
				t.Errorf("contend counted %d, %v; want some", l.ops, err)
			}
			if !test.passes && (l.ops > 1 || l.again == 0) { // the first take passes it, too
				t.Errorf("contend counted %d hand-overs and %d takes by the same worker; want at most the first", l.ops, l.again)
			}
		})
	}
}

func TestContendSeesTwoHolders(t *testing.T) {
	wide := make(place, 2) // lets two in
	_, err := contend(t.Context(), []mutex{wide, wide, wide}, time.Minute, noCPU, ofCycles, true)
	if !errors.Is(err, errTwoHolders) {
		t.Errorf("contend with a lock that two can have = %v; want %v", err, errTwoHolders)
	}
}

func TestContendEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := contend(ctx, []mutex{make(place, 1)}, time.Minute, noCPU, ofCycles, false); !errors.Is(err, why) {
		t.Errorf("contend with a context that is over = %v; want %v", err, why)
	}
}
