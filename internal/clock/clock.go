// Package clock reads a clock that also runs while the machine is suspended.
package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Boot returns the time since the machine's start, suspended time included. Go's own monotonic
// clock stands still during a suspend, so a holder that slept through its TTL would wake and
// believe that no time has passed. Safe for concurrent use.
func Boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// Linux has had this clock since 2.6.39; anything older cannot run this program.
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(ts.Nano())
}
