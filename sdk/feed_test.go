package sdk

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// feeding has a cluster answer requests for feeds, of which it returns the latest, and begin each with
// a frame.
func feeding(f *fakeCluster) (asked func() (last wire.Frame, n int)) {
	var last wire.Frame
	n := 0
	f.after = func(s *fakeStream, r *wire.Frame) bool {
		switch r.Kind {
		case wire.Observe:
			s.sendLocked(&wire.Frame{Kind: wire.OK, ID: r.ID, TTLMS: time.Hour.Milliseconds()})
			s.sendLocked(&wire.Frame{Kind: wire.Leadership, ID: r.ID, Known: wire.NobodyDoes})
		case wire.Subscribe:
			s.sendLocked(&wire.Frame{Kind: wire.OK, ID: r.ID, Revision: 41})
			s.sendLocked(&wire.Frame{Kind: wire.Event, ID: r.ID, After: "42-0", Name: "x"})
		default:
			return r.Kind != wire.Unsubscribe
		}
		last, n = *r, n+1
		return false
	}
	return func() (wire.Frame, int) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return last, n
	}
}

// push has the newest stream push a frame.
func (c *fakeCluster) push(frame wire.Frame) {
	c.with(func() { c.streams[len(c.streams)-1].sendLocked(&frame) })
}

// A refusal that passes is the affair of the one feed: it goes on over the same stream, and nobody else
// is disturbed.
func TestAPassingRefusalOfAFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		asked := feeding(f)
		c := f.client(t)
		o, err := c.Election("e").Observe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		next := func(want LeaderState) {
			t.Helper()
			if l, err := o.Next(t.Context()); err != nil || l.State != want {
				t.Errorf("Next = %+v, %v; want %v", l, err, want)
			}
		}
		next(LeaderNone)
		first, _ := asked()
		f.push(wire.Frame{Kind: wire.Error, ID: first.ID, Code: wire.CodeUnavailable, RetryMS: 1000})
		next(LeaderUnknown)
		next(LeaderNone)
		if last, n := asked(); n != 2 || last.Name != "e" || last.ID == first.ID {
			t.Errorf("asked %d times, then by %+v", n, last)
		}

		s, err := c.Events(t.Context(), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		first, _ = asked()
		f.push(wire.Frame{Kind: wire.Error, ID: first.ID, Code: wire.CodeUncertain})
		for range 2 { // the fake tells its event again, whatever came before
			if e, err := s.Next(t.Context()); err != nil || e.ID != "42-0" {
				t.Errorf("Next = %+v, %v", e, err)
			}
		}
		if last, _ := asked(); last.After != "42-0" {
			t.Errorf("it goes on after %q", last.After)
		}
		f.with(func() {
			if n := len(f.streams); n != 1 {
				t.Errorf("%d streams were dialled; want 1", n)
			}
		})
	})
}

// A refusal for good ends the feed alone.
func TestAFinalRefusalOfAFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		asked := feeding(f)
		c := f.client(t)
		s, err := c.Events(t.Context(), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		first, _ := asked()
		f.push(wire.Frame{Kind: wire.Error, ID: first.ID, Code: wire.CodeTooSlow})
		if _, err := s.Next(t.Context()); err != nil {
			t.Errorf("what came before: %v", err)
		}
		_, err = s.Next(t.Context())
		wantError(t, "Next", err, ErrTooSlow)
		lock(t, c.Mutex("x"))
		f.with(func() {
			if n := len(f.streams); n != 1 {
				t.Errorf("%d streams were dialled; want 1", n)
			}
		})
	})
}

// Whoever closes a feed before its request was answered leaves nothing behind at the member.
func TestAFeedClosedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		var request uint64
		var ended []uint64
		f.after = func(_ *fakeStream, r *wire.Frame) bool {
			switch r.Kind {
			case wire.Observe:
				request = r.ID
			case wire.Unsubscribe:
				ended = append(ended, r.Target)
			default:
				return true
			}
			return false
		}
		c := f.client(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Election("e").Observe(ctx)
		wantError(t, "Observe", err, context.DeadlineExceeded)
		synctest.Wait()
		f.with(func() {
			if len(ended) != 0 {
				t.Errorf("%d was ended before it had begun", ended)
			}
		})
		f.push(wire.Frame{Kind: wire.OK, ID: request, TTLMS: 1000})
		synctest.Wait()
		f.with(func() {
			if len(ended) != 1 || ended[0] != request {
				t.Errorf("ended %d; want %d", ended, request)
			}
		})

		// Without a stream nothing was begun: the next one hears nothing of it.
		f.with(func() { f.down[memberA], f.down[memberB] = true, true })
		f.cut()
		synctest.Wait()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		request = 0
		_, err = c.Events(ctx, "x", "")
		wantError(t, "Events", err, context.DeadlineExceeded)
		f.with(func() { clear(f.down) })
		lock(t, c.Mutex("x"))
		c.mu.Lock()
		defer c.mu.Unlock()
		if request != 0 || len(c.feeds) != 0 {
			t.Errorf("request %d was sent, %d feeds are left", request, len(c.feeds))
		}
	})
}
