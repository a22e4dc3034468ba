package sdk

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// going pushes that a member is about to stop, over all of its streams.
func (c *fakeCluster) going(endpoint string) {
	c.with(func() {
		c.down[endpoint] = true
		for _, s := range c.streams {
			if s.endpoint == endpoint {
				s.sendLocked(&wire.Frame{Kind: wire.Going})
			}
		}
	})
}

// What is under way at a member that is about to stop gets its answer there; what comes after goes to
// another member, at once.
func TestAMemberThatStopsAnswersWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		h := lock(t, c.Mutex("x"))
		first := c.Endpoint()
		var held *fakeStream
		var release wire.Frame
		releases := 0
		f.with(func() {
			f.after = func(s *fakeStream, r *wire.Frame) bool {
				if r.Kind != wire.Release {
					return true
				}
				releases++
				held, release = s, *r
				return false // it takes a moment
			}
		})
		unlocked := make(chan error)
		go func() { unlocked <- h.Unlock(t.Context()) }()
		synctest.Wait()
		f.going(first)
		synctest.Wait()
		locked := make(chan *Hold)
		go func() { locked <- lock(t, c.Mutex("y")) }()
		synctest.Wait()
		begun := time.Now()
		f.with(func() { held.sendLocked(&wire.Frame{Kind: wire.OK, ID: release.ID}) })
		if err := <-unlocked; err != nil {
			t.Errorf("Unlock: %v", err)
		}
		<-locked
		if now := c.Endpoint(); now == first || releases != 1 || time.Since(begun) > 0 {
			t.Errorf("%d releases, at %s after %s, %v later; want one, and another member at once", releases, now, first, time.Since(begun))
		}
	})
}

// A member that does not answer is left in time for the session.
func TestAMemberThatStopsIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		c := f.client(t)
		h := lock(t, c.Mutex("x"))
		first := c.Endpoint()
		f.with(func() {
			f.after = func(s *fakeStream, r *wire.Frame) bool { return r.Kind != wire.Release || s.endpoint != first }
		})
		unlocked := make(chan error)
		go func() { unlocked <- h.Unlock(t.Context()) }()
		synctest.Wait()
		f.going(first)
		begun := time.Now()
		err := <-unlocked // the release was done, and is not there to be done again
		if took := time.Since(begun); took < minSilence || took > fakeTTL/3 {
			t.Errorf("Unlock: %v, after %v", err, took)
		}
		if c.Endpoint() == first {
			t.Error("the client is still there")
		}
	})
}

// A wait goes on at another member, in its place.
func TestAWaitMovesWithItsMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		a, b := f.client(t), f.client(t)
		h := lock(t, a.Mutex("x"))
		got := make(chan *Hold)
		go func() { got <- lock(t, b.Mutex("x")) }()
		synctest.Wait()
		f.going(b.Endpoint())
		synctest.Wait()
		if err := h.Unlock(t.Context()); err != nil {
			t.Error(err)
		}
		wantState(t, <-got, Held)
	})
}
