//go:build !linux

package sdk

import "time"

// newClock returns the clock that comes nearest to one that counts suspended time.
func newClock() func() time.Duration { return newWallClock() }
