package supervise

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeClock follows the bubble's time, and jumps when the machine is suspended: then its alarm
// rings on waking, as the kernel's does.
type fakeClock struct {
	mu    sync.Mutex
	start time.Time
	slept time.Duration
	at    time.Duration
	timer *time.Timer
	rings chan struct{}
}

func newFakeClock() *fakeClock {
	return &fakeClock{start: time.Now(), at: never, rings: make(chan struct{}, 1)}
}

func (c *fakeClock) now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.start) + c.slept
}

func (c *fakeClock) alarm() <-chan struct{} { return c.rings }

func (c *fakeClock) set(at time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
	c.armLocked()
	return nil
}

func (c *fakeClock) armLocked() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.at == never {
		return
	}
	c.timer = time.AfterFunc(c.at-time.Since(c.start)-c.slept, func() {
		select {
		case c.rings <- struct{}{}:
		default:
		}
	})
}

func (c *fakeClock) suspend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept += d
	c.armLocked()
}

// A scene is a guard with a command that notes its signals.
type scene struct {
	clock  *fakeClock
	guard  *guard
	events chan Report
	wg     sync.WaitGroup

	mu   sync.Mutex
	seen []string // what was sent and reported, with the seconds
}

func play(t *testing.T) *scene {
	s := &scene{clock: newFakeClock(), events: make(chan Report)}
	s.guard = &guard{
		clock: s.clock, plan: plan{deadline: 20 * time.Second, grace: 5 * time.Second, margin: time.Second},
		calls: make(chan call), over: make(chan struct{}), report: func(r Report) { s.note("%s%s", r.Kind, r.Why) },
	}
	s.wg.Go(func() { s.guard.run(s, s.events) })
	t.Cleanup(func() {
		s.events <- Report{Kind: Gone}
		s.wg.Wait()
	})
	return s
}

func (s *scene) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, fmt.Sprintf("%v "+format, append([]any{s.clock.now()}, args...)...))
}

func (s *scene) signal(sig syscall.Signal) {
	if sig != syscall.SIGCONT {
		s.note("%v", sig)
	}
}

func (s *scene) terminal(int, bool) {}

// expect lets time pass, and compares what has been seen since the last call.
func (s *scene) expect(t *testing.T, after time.Duration, want ...string) {
	t.Helper()
	time.Sleep(after) // in a bubble
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.seen, want) {
		t.Errorf("seen %q; want %q", s.seen, want)
	}
	s.seen = nil
}

func TestGuardEndsTheCommandWhenNoRenewalComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t)
		s.expect(t, 10*time.Second)
		s.guard.calls <- call{Deadline: 30 * time.Second}
		s.expect(t, 13*time.Second+999*time.Millisecond)
		s.expect(t, time.Millisecond, "24s terminated", "24s endingoverdue")
		s.guard.calls <- call{Deadline: 60 * time.Second}
		s.expect(t, 10*time.Second, "29s killed")
	})
}

func TestGuardKillsAtOnceOnWakingPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t)
		s.expect(t, time.Second)
		s.clock.suspend(time.Hour)
		s.expect(t, 0, "1h0m1s killed", "1h0m1s endingoverdue")
	})
}

func TestGuardGivesTheGraceThatIsLeftOnWaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t)
		s.clock.suspend(16 * time.Second)
		s.expect(t, time.Minute, "16s terminated", "16s endingoverdue", "19s killed")
	})
}

func TestGuardStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t)
		s.guard.calls <- call{Stop: true}
		s.expect(t, time.Minute, "0s terminated", "0s endingasked", "5s killed")
	})
}

func TestGuardKillsWhenNobodyIsLeftWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t)
		s.expect(t, time.Second)
		close(s.guard.calls)
		s.expect(t, time.Minute, "1s killed", "1s endingorphaned")
	})
}

func TestGuardEndsWhatTheCommandLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t)
		s.events <- Report{Kind: Exited}
		s.events <- Report{Kind: Left}
		s.expect(t, 6*time.Second, "0s exited", "0s left", "0s terminated", "0s endingleft behind", "5s killed")
	})
}

func TestGuardPassesSignalsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t)
		s.guard.calls <- call{Signal: syscall.SIGUSR1}
		s.expect(t, time.Second, "0s user defined signal 1")
	})
}
