//go:build linux

package clustertest

import (
	"context"
	"testing"
	"time"
)

// Patience is how long the verbs wait for anything before they fail the test. It says nothing
// about how fast the service is: only that a test which hangs ends.
const Patience = 60 * time.Second

// pollEvery is how often a condition is looked at.
const pollEvery = 20 * time.Millisecond

// Poll calls done, at once and then from time to time, until it reports true or ctx ends, and
// returns whether it did. It blocks no longer than ctx and one call of done.
func Poll(ctx context.Context, done func() bool) bool {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Eventually polls until done reports true, and fails the test, saying what it waited for, when
// that takes longer than within.
func Eventually(tb testing.TB, within time.Duration, what string, done func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), within)
	defer cancel()
	if !Poll(ctx, done) {
		tb.Fatalf("waited %v in vain for: %s", within, what)
	}
}

// Pass lets d pass, or less where the test ends: for faults that last a while, and for what must
// not happen in a while.
func Pass(tb testing.TB, d time.Duration) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), d)
	defer cancel()
	<-ctx.Done()
}
