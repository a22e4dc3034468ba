package sdk

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// TestSilentObservation: what was told counts for as long as the service says, and no longer.
func TestSilentObservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const silence = 6 * time.Second
		c := newFakeCluster(fakeTTL).client(t)
		o := &Observation{client: c, news: make(chan struct{}, 1), ended: make(chan struct{})}
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
			o.push(c, &wire.Frame{Known: wire.Leads, Contenders: []wire.Contender{{Token: 7}}})
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
