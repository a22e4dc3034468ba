package sdk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

func TestAForcedReleaseIsTold(t *testing.T) {
	for _, told := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeCluster(fakeTTL)
			h := lock(t, f.client(t).Mutex("x"))
			f.force("x", told)
			if !told {
				f.cut() // it is found out by the attach
			}
			<-h.Lost()
			wantState(t, h, Lost)
			lost, ok := errors.AsType[*LostError](context.Cause(h.Context()))
			if !ok || lost.Name != "x" || lost.Token != h.Token() || lost.Whole {
				t.Errorf("the cause is %v", context.Cause(h.Context()))
			}
			if told && (lost.Cause != CauseForced || lost.Reason != "maintenance") {
				t.Errorf("the cause is %q because of %q", lost.Cause, lost.Reason)
			}
			if err := h.Session().Err(); err != nil {
				t.Errorf("the session: %v", err)
			}
		})
	}
}

// TestAMemberThatTellsNoNames: where the answer to an attach does not say which locks the session has, as
// that of an older member, each is asked for.
func TestAMemberThatTellsNoNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		f.nameless = true
		c := f.client(t)
		x, y := lock(t, c.Mutex("x")), lock(t, c.Mutex("y"))
		f.force("x", false)
		f.cut()
		<-x.Lost()
		time.Sleep(time.Second)
		wantState(t, x, Lost)
		wantState(t, y, Held)
		if lost, ok := errors.AsType[*LostError](context.Cause(x.Context())); !ok || lost.Name != "x" || lost.Whole || lost.Cause != CauseUnknown {
			t.Errorf("the cause is %v", context.Cause(x.Context()))
		}
		f.force("y", false)
		f.cut() // now the session has nothing: nobody has to be asked
		<-y.Lost()
	})
}

func TestALostSessionEndsAllItsHolds(t *testing.T) {
	for _, told := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeCluster(fakeTTL)
			c := f.client(t)
			s, err := c.OpenSession(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			x, y := lock(t, s.Mutex("x")), lock(t, s.Mutex("y"))
			f.end(told)
			if !told {
				f.cut()
			}
			<-s.Lost()
			for _, h := range []*Hold{x, y} {
				<-h.Context().Done()
				wantState(t, h, Lost)
				wantError(t, "the cause", context.Cause(h.Context()), ErrSessionLost)
			}
			_, err = s.Mutex("z").Lock(t.Context())
			wantError(t, "Lock by a lost session", err, ErrSessionLost)
			wantError(t, "Close of a lost session", s.Close(t.Context()), ErrSessionLost)
		})
	}
}

func TestALossThatOvertakesTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		f.after = func(s *fakeStream, r *wire.Frame) bool {
			if r.Kind == wire.Acquire {
				s.sendLocked(&wire.Frame{Kind: wire.HoldLost, Session: r.Session, Name: r.Name, Token: f.token, Cause: wire.CauseForced})
			}
			return true
		}
		_, err := f.client(t).Mutex("x").Lock(t.Context())
		wantError(t, "Lock", err, ErrLost)
	})
}

// A wait that is lost with the client's own session goes on in a new one.
func TestAWaitOutlivesTheClientsOwnSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		a, b := f.client(t), f.client(t)
		h := lock(t, a.Mutex("x"))
		got := make(chan *Hold)
		go func() { got <- lock(t, b.Mutex("x")) }()
		synctest.Wait()
		f.end(true)
		next := <-got
		wantState(t, h, Lost)
		wantState(t, next, Held)
	})
}

func TestACancelledLockLeavesNothingBehind(t *testing.T) {
	why := errors.New("enough")
	cases := []struct {
		name  string
		after func(s *fakeStream, r *wire.Frame) bool
	}{
		{"while it waits", nil},
		{"before the answer", func(_ *fakeStream, r *wire.Frame) bool { return r.Kind != wire.Acquire }},
		{"and the stream breaks", func(s *fakeStream, r *wire.Frame) bool {
			if r.Kind == wire.Cancel {
				s.breakLocked()
			}
			return true
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCluster(fakeTTL)
				a, b := f.client(t), f.client(t)
				h := lock(t, a.Mutex("x"))
				f.with(func() { f.after = tc.after })
				ctx, cancel := context.WithCancelCause(t.Context())
				done := make(chan error)
				go func() {
					_, err := b.Mutex("x").Lock(ctx)
					done <- err
				}()
				synctest.Wait()
				cancel(why)
				wantError(t, "Lock", <-done, why)
				time.Sleep(5 * time.Second)
				f.with(func() { f.after = nil })
				if err := h.Unlock(t.Context()); err != nil {
					t.Error(err)
				}
				f.cut()
				time.Sleep(5 * time.Second)
				if _, n := f.holder("x"); n != 0 {
					t.Errorf("%d left in the queue", n)
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				if len(b.calls) != 0 {
					t.Errorf("%d calls left", len(b.calls))
				}
			})
		})
	}
}

func TestPassingRefusalsAreTriedAgain(t *testing.T) {
	for _, code := range []string{wire.CodeUncertain, wire.CodeUnavailable, wire.CodeTooManyRequests, wire.CodeShuttingDown, wire.CodeSessionMoved} {
		for _, kind := range []wire.Kind{wire.Open, wire.Attach, wire.Acquire, wire.Release, wire.Touch, wire.Check, wire.Close} {
			if code == wire.CodeSessionMoved && kind != wire.Acquire && kind != wire.Release {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCluster(fakeTTL)
				refused := 0
				f.refuse = func(r *wire.Frame) *wire.Frame {
					if r.Kind != kind || refused == 2 {
						return nil
					}
					refused++
					return &wire.Frame{Code: code, RetryMS: 300}
				}
				c := f.client(t)
				h := lock(t, c.Mutex("x"))
				f.cut()
				time.Sleep(fakeTTL)
				wantState(t, h, Held)
				if err := c.Fence("f").Check(t.Context(), h.Token()); err != nil {
					t.Error(err)
				}
				if err := h.Unlock(t.Context()); err != nil {
					t.Error(err)
				}
				if err := c.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if refused != 2 {
					t.Errorf("%s to kind %d: refused %d times", code, kind, refused)
				}
			})
		}
	}
}

func TestMaxHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		h := lock(t, f.client(t).Mutex("x", WithMaxHold(time.Minute)))
		time.Sleep(59 * time.Second)
		wantState(t, h, Held)
		if left := time.Until(h.Deadline()); left > time.Second {
			t.Errorf("the deadline is %v ahead; want a second", left)
		}
		<-h.Context().Done()
		wantError(t, "the cause", context.Cause(h.Context()), ErrMaxHold)
		synctest.Wait()
		if _, n := f.holder("x"); n != 0 {
			t.Errorf("%d left in the queue", n)
		}
		wantError(t, "Unlock", h.Unlock(t.Context()), ErrMaxHold)
	})
}

func TestProgress(t *testing.T) {
	stuck := errors.New("stuck")
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		calls := 0
		h := lock(t, c.Mutex("x", WithProgress(func(context.Context) error {
			if calls++; calls == 5 {
				return stuck
			}
			return nil
		}, time.Minute)))
		time.Sleep(4*time.Minute + time.Second)
		wantState(t, h, Held)
		<-h.Context().Done()
		wantError(t, "the cause", h.Err(), ErrNoProgress)
		wantError(t, "the cause", h.Err(), stuck)

		hangs := lock(t, c.Mutex("x", WithProgress(func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}, time.Minute)))
		time.Sleep(2*time.Minute + time.Second)
		wantError(t, "a check that hangs", hangs.Err(), ErrNoProgress)
	})
}

func TestOnStateTellsEachState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		var told []State
		h := lock(t, c.Mutex("x", OnState(func(_ *Hold, s State) { told = append(told, s) })))
		time.Sleep(time.Minute)
		f.with(func() { f.silent[memberA], f.silent[memberB] = true, true })
		<-h.Lost()
		synctest.Wait()
		if len(told) != 3 || told[0] != Held || told[1] != Jeopardy || told[2] != Lost {
			t.Errorf("told %v; want held, jeopardy, lost", told)
		}
	})
}

func TestACloseWithoutAnswerEndsWithTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		h := lock(t, c.Mutex("x"))
		f.with(func() { f.down[memberA], f.down[memberB] = true, true })
		f.cut()
		begun := time.Now()
		wantError(t, "Close", c.Close(t.Context()), ErrUncertain)
		if took := time.Since(begun); took > fakeTTL {
			t.Errorf("Close took %v", took)
		}
		wantError(t, "the hold", h.Err(), ErrReleased)
		_, err := c.Mutex("x").Lock(t.Context())
		wantError(t, "Lock of a closed client", err, ErrClosed)
	})
}

func TestAnUnlockThatOutlivesItsSessionIsUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		h := lock(t, c.Mutex("x"))
		f.with(func() {
			f.silent[memberA], f.silent[memberB] = true, true
		})
		err := h.Unlock(t.Context())
		wantError(t, "Unlock", err, ErrUncertain)
		wantState(t, h, Lost)
	})
}

func TestAnAnswerThatNeverComesIsAskedForElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		h := lock(t, c.Mutex("x"))
		swallowed := 0
		f.with(func() {
			f.after = func(_ *fakeStream, r *wire.Frame) bool {
				if r.Kind == wire.Release {
					swallowed++
				}
				return r.Kind != wire.Release || swallowed > 1
			}
		})
		begun := time.Now()
		if err := h.Unlock(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took < DefaultRequestTimeout || took > 2*DefaultRequestTimeout {
			t.Errorf("Unlock took %v", took)
		}
	})
}

func TestNobodyIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		f.down[memberA], f.down[memberB] = true, true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Dial(ctx, []string{memberA, memberB}, f.option())
		wantError(t, "Dial", err, ErrUnreachable)
		e, ok := errors.AsType[*UnreachableError](err)
		if !ok || e.Failures[memberA] == nil || e.Failures[memberB] == nil {
			t.Errorf("Dial: %v; want why each member was not reached", err)
		}
	})
}

func TestBadInputIsRefused(t *testing.T) {
	for name, call := range map[string]func() error{
		"no endpoints":   func() error { _, err := Dial(t.Context(), nil); return err },
		"a bad one":      func() error { _, err := Dial(t.Context(), []string{"ftp://x"}); return err },
		"a negative TTL": func() error { _, err := Dial(t.Context(), []string{"x:1"}, WithTTL(-1)); return err },
		"a bad limit":    func() error { _, err := Dial(t.Context(), []string{"x:1"}, WithMaxPending(0)); return err },
		"redial":         func() error { _, err := Dial(t.Context(), []string{"x:1"}, WithRedial(2, 1)); return err },
		"a lock option": func() error {
			_, err := Dial(t.Context(), []string{"x:1"}, WithLockOptions(WithMaxHold(0)))
			return err
		},
	} {
		wantError(t, name, call(), ErrInput)
	}
}
