//go:build linux

package daytwo

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A load is clients that take locks and give them back without a pause.
type load struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	taken  atomic.Int64
	newest atomic.Int64 // the highest token seen
}

// loaded starts a load on the endpoints, and one lock each for the clients.
func loaded(t *testing.T, c *clustertest.Cluster, endpoints []string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel}
	for i := range 4 {
		l.wg.Go(func() {
			client := c.Client(clustertest.ClientOptions{Endpoints: endpoints, Attempt: 3 * time.Second})
			defer client.Close()
			name := fmt.Sprint("load/", i)
			for last := int64(0); ctx.Err() == nil; {
				h, err := client.Acquire(ctx, name, clustertest.Acquire{TTL: 10 * time.Second, Wait: 20 * time.Second, RequestID: clustertest.RequestID()})
				if err != nil {
					if ctx.Err() == nil {
						t.Errorf("acquire %s: %v", name, err)
					}
					return
				}
				if h.Token <= last {
					t.Errorf("token %d of %s after %d", h.Token, name, last)
				}
				last = h.Token
				for old := l.newest.Load(); old < last && !l.newest.CompareAndSwap(old, last); old = l.newest.Load() {
				}
				if _, err := client.Release(ctx, name, h.Session, h.Token); err != nil && ctx.Err() == nil {
					t.Errorf("release %s: %v", name, err)
					return
				}
				l.taken.Add(1)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// more waits until n more locks have been taken and given back.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	want := l.taken.Load() + n
	clustertest.Eventually(t, clustertest.Patience, fmt.Sprint(n, " more locks"), func() bool { return t.Failed() || l.taken.Load() >= want })
}

func (l *load) end() {
	l.cancel()
	l.wg.Wait()
}
