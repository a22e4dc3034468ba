package sdk

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// An observation goes on over the next stream where no new request would be taken.
func TestAnObservationGoesOnUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		f.after = func(s *fakeStream, r *wire.Frame) bool {
			if r.Kind != wire.Observe {
				return true
			}
			s.sendLocked(&wire.Frame{Kind: wire.OK, ID: r.ID, TTLMS: time.Hour.Milliseconds()})
			s.sendLocked(&wire.Frame{Kind: wire.Leadership, ID: r.ID, Known: wire.NobodyDoes})
			return false
		}
		lock(t, f.client(t).Mutex("x"))
		c := f.client(t, WithMaxPending(1))
		o, err := c.Election("e").Observe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		go func() {
			_, err := c.Mutex("x").Lock(t.Context())
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}()
		synctest.Wait()
		f.cut()
		synctest.Wait()
		time.Sleep(time.Minute)
		if l, err := o.Next(t.Context()); err != nil || l.State != LeaderNone {
			t.Errorf("Next = %+v, %v", l, err)
		}
	})
}

// TestSilentObservation: what was told counts for as long as the service says, and no longer.
func TestSilentObservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const silence = 6 * time.Second
		c := newFakeCluster(fakeTTL).client(t)
		o := newObservation(c, "e")
		o.begun(&wire.Frame{TTLMS: silence.Milliseconds()})
		next := func(want LeaderState) {
			t.Helper()
			if l, err := o.Next(t.Context()); err != nil || l.State != want {
				t.Errorf("Next = %+v, %v; want %v", l, err, want)
			}
		}
		push := func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			o.push(&wire.Frame{Known: wire.Leads, Contenders: []wire.Contender{{Token: 7}}})
		}
		push()
		next(LeaderKnown)
		time.Sleep(silence - time.Second)
		push() // the same again
		said := time.Now()
		next(LeaderUnknown)
		if took := time.Since(said); took != silence {
			t.Errorf("unknown after %v of silence; want %v", took, silence)
		}
		push()
		next(LeaderKnown)
	})
}
