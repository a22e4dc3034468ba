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
