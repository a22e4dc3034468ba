package sdk

import (
	"sync/atomic"
	"time"
)

// newWallClock returns the clock of systems without one that counts suspended time: the monotonic
// clock, moved on by what the wall clock was ahead of it at most. A wall clock that is set forward
// thereby ends holds too early, which is safe; one that is set back changes nothing.
func newWallClock() func() time.Duration {
	started := time.Now()
	var most atomic.Int64
	return func() time.Duration {
		now := time.Now()
		monotonic := now.Sub(started)
		ahead := int64(now.Round(0).Sub(started.Round(0)) - monotonic)
		for {
			seen := most.Load()
			if ahead <= seen {
				return monotonic + time.Duration(seen)
			}
			if most.CompareAndSwap(seen, ahead) {
				return monotonic + time.Duration(ahead)
			}
		}
	}
}
