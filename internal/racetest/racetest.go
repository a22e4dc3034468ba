// Package racetest is for tests that the race detector would change: those that measure, and those
// of one goroutine, in which it can find nothing and which it makes ten times as long.
package racetest

import "testing"

// Skip leaves a test out under the race detector, and says why. "make unit" runs it without: its
// Makefile names each such test, which a test of internal/archtest demands.
func Skip(tb testing.TB, why string) {
	tb.Helper()
	if Enabled {
		tb.Skipf("not under the race detector: %s; go test -run %s", why, tb.Name())
	}
}
