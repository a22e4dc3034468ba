package sdk

import (
	"syscall"
	"time"
	"unsafe"
)

const clockBoottime = 7 // CLOCK_BOOTTIME of clock_gettime(2)

// newClock returns a clock that counts the time for which the machine was suspended.
func newClock() func() time.Duration {
	if _, ok := readBoot(); !ok {
		return newWallClock() // as on other systems; Linux has had this clock since 2.6.39
	}
	return boot
}

// boot returns the time since the machine's start, suspended time included. Go's own monotonic
// clock stands still during a suspend: a holder that slept through its TTL would wake and believe
// that no time has passed. It allocates nothing and does not yield.
func boot() time.Duration {
	d, _ := readBoot()
	return d
}

func readBoot() (d time.Duration, ok bool) {
	var ts syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano()), errno == 0
}
