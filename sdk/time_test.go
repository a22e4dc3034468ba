package sdk

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

const fakeTTL = 9 * time.Second

// lock takes a lock or fails the test.
func lock(t *testing.T, m *Mutex) *Hold {
	t.Helper()
	h, err := m.Lock(t.Context())
	if err != nil {
		t.Fatalf("Lock(%q) = %v", m.Name(), err)
	}
	return h
}

func wantState(t *testing.T, h *Hold, want State) {
	t.Helper()
	if got := h.State(); got != want {
		t.Errorf("State() = %v; want %v (%v)", got, want, h.Err())
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}

func TestAHoldIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		h := lock(t, f.client(t).Mutex("a"))
		time.Sleep(time.Hour)
		wantState(t, h, Held)
		if left := time.Until(h.Deadline()); left < fakeTTL/2 || left > fakeTTL {
			t.Errorf("the deadline is %v ahead; want most of %v", left, fakeTTL)
		}
		var touches int
		f.with(func() { touches = f.touches })
		if want := int(time.Hour / (fakeTTL / 3)); touches < want-2 || touches > want+2 {
			t.Errorf("%d touches in an hour; want %d", touches, want)
		}
		if err := h.Unlock(t.Context()); err != nil {
			t.Error(err)
		}
		wantState(t, h, Released)
		wantError(t, "Err after Unlock", h.Err(), ErrReleased)
		wantError(t, "the second Unlock", h.Unlock(t.Context()), ErrNotHeld)
	})
}

func TestAHoldIsLostBeforeItsSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		h := lock(t, c.Mutex("a"))
		time.Sleep(time.Minute)
		silenced := time.Now()
		f.with(func() { f.silent[memberA], f.silent[memberB] = true, true })
		for h.State() == Held {
			time.Sleep(10 * time.Millisecond)
		}
		wantState(t, h, Jeopardy)
		if h.Context().Err() != nil {
			t.Error("the context has ended in jeopardy")
		}
		<-h.Context().Done()
		if took := time.Since(silenced); took >= fakeTTL {
			t.Errorf("lost after %v; the service may let go after %v", took, fakeTTL)
		}
		wantState(t, h, Lost)
		wantError(t, "the cause", context.Cause(h.Context()), ErrSessionLost)
		<-h.Lost()
		// Lost is final.
		f.with(func() { clear(f.silent) })
		time.Sleep(time.Minute)
		wantState(t, h, Lost)
		wantError(t, "Unlock", h.Unlock(t.Context()), ErrLost)
		lock(t, c.Mutex("b")) // by a new session
	})
}

// A process that was stopped finds the loss at its first look, before any timer has run.
func TestOnWakingTheFirstLookSeesTheLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		var slept atomic.Int64
		now := f.option()
		c := f.client(t, func(cfg *config) {
			now(cfg)
			clock := cfg.clock
			cfg.clock = func() time.Duration { return clock() + time.Duration(slept.Load()) }
		})
		looks := map[string]func(h *Hold) bool{
			"Context.Err": func(h *Hold) bool { return h.Context().Err() != nil },
			"Cause":       func(h *Hold) bool { return context.Cause(h.Context()) != nil },
			"Err":         func(h *Hold) bool { return h.Err() != nil },
			"State":       func(h *Hold) bool { return h.State() == Lost },
			"Done": func(h *Hold) bool {
				select {
				case <-h.Context().Done():
					return true
				default:
					return false
				}
			},
			"Lost": func(h *Hold) bool {
				select {
				case <-h.Lost():
					return true
				default:
					return false
				}
			},
			"derived": func(h *Hold) bool {
				ctx, cancel := context.WithCancel(h.Context())
				defer cancel()
				return ctx.Err() != nil
			},
		}
		for name, look := range looks {
			h := lock(t, c.Mutex(name))
			if look(h) {
				t.Fatalf("%s sees a loss of what is held", name)
			}
			slept.Add(int64(fakeTTL)) // no time passes for timers
			if !look(h) {
				t.Errorf("%s does not see the loss", name)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestASilentMemberIsLeftInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		h := lock(t, c.Mutex("a"))
		for range 10 {
			time.Sleep(20 * time.Second)
			at := c.Endpoint()
			f.with(func() { clear(f.silent); f.silent[at] = true })
			time.Sleep(fakeTTL)
			if now := c.Endpoint(); now == at {
				t.Errorf("still at %s, which is silent", now)
			}
			wantState(t, h, Held)
		}
	})
}

func TestReconnectionsGoUnnoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		a, b := f.client(t), f.client(t)
		h := lock(t, a.Mutex("x"))
		got := make(chan *Hold)
		go func() { got <- lock(t, b.Mutex("x")) }()
		for range 20 {
			time.Sleep(3 * time.Second)
			f.cut()
		}
		synctest.Wait()
		wantState(t, h, Held)
		if _, n := f.holder("x"); n != 2 {
			t.Errorf("%d in the queue; want 2", n)
		}
		if err := h.Unlock(t.Context()); err != nil {
			t.Error(err)
		}
		next := <-got
		if next.Token() <= h.Token() {
			t.Errorf("token %d after %d", next.Token(), h.Token())
		}
	})
}

func TestAnAnswerThatIsLostIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		for _, kind := range []wire.Kind{wire.Open, wire.Acquire, wire.Release, wire.Check, wire.Close} {
			lost := 0
			f.with(func() {
				f.after = func(s *fakeStream, r *wire.Frame) bool {
					if r.Kind != kind || lost > 0 {
						return true
					}
					lost++
					s.breakLocked()
					return false
				}
			})
			s, err := c.OpenSession(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			h := lock(t, s.Mutex("x"))
			if err := c.Fence("f").Check(t.Context(), h.Token()); err != nil {
				t.Error(err)
			}
			if err := h.Unlock(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if lost != 1 {
				t.Errorf("%d answers of kind %d were lost; want 1", lost, kind)
			}
			if _, n := f.holder("x"); n != 0 {
				t.Errorf("kind %d: %d left in the queue", kind, n)
			}
		}
	})
}

func TestAnUnlockWithoutAnswerIsUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		m := c.Mutex("x")
		h := lock(t, m)
		f.with(func() { f.down[memberA], f.down[memberB] = true, true })
		f.cut()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantError(t, "Unlock", m.Unlock(ctx), ErrUncertain)
		wantState(t, h, Uncertain)
		wantError(t, "Err", h.Err(), ErrReleased)
		f.with(func() { clear(f.down) })
		time.Sleep(3 * time.Second) // it goes on in the background
		if _, n := f.holder("x"); n != 0 {
			t.Errorf("%d left in the queue", n)
		}
		if err := m.Unlock(t.Context()); err != nil {
			t.Errorf("the repeated Unlock: %v", err)
		}
		wantState(t, h, Released)
	})
}
