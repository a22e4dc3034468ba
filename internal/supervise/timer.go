package supervise

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lockkeeper/lockkeeper/internal/clock"
)

// A bootClock is the machine's clock since its start, suspended time included, with an alarm that
// goes by it. Go's own timers stand still during a suspend.
type bootClock struct {
	file *os.File // a timerfd
	wake chan struct{}
	done chan struct{}
}

// newBootClock makes a clock whose alarm is off. The caller must close it.
func newBootClock() (*bootClock, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	c := &bootClock{file: os.NewFile(uintptr(fd), "timerfd"), wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.follow() // ends with the file; close waits for it
	return c, nil
}

// now returns the time since the machine's start.
func (c *bootClock) now() time.Duration { return clock.Boot() }

// alarm returns the channel that gets a value when the time that [bootClock.set] named has come,
// or had come before.
func (c *bootClock) alarm() <-chan struct{} { return c.wake }

// set sets the alarm to a time, which may be past, or turns it off with [never].
func (c *bootClock) set(at time.Duration) error {
	var spec unix.ItimerSpec // zero: off
	if at != never {
		spec.Value = unix.NsecToTimespec(max(int64(at), 1))
	}
	raw, err := c.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &spec, nil) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	return nil
}

func (c *bootClock) follow() {
	defer close(c.done)
	var count [8]byte
	for {
		if _, err := c.file.Read(count[:]); err != nil {
			return
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

func (c *bootClock) close() {
	_ = c.file.Close()
	<-c.done
}
