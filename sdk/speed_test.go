package sdk_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

// BenchmarkCycle locks and unlocks, each worker a lock of its own, over one client.
func BenchmarkCycle(b *testing.B) {
	for _, workers := range []int{1, 256} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			c := sdktest.Start(b).Client(b)
			ctx := context.Background()
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			before, begun := used(), time.Now()
			for w := range workers {
				m := c.Mutex(fmt.Sprintf("bench/%d", w))
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						h, err := m.Lock(ctx)
						if err != nil {
							b.Error(err)
							return
						}
						if err := h.Unlock(ctx); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "cycles/s")
			b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") // client and server
		})
	}
}

// used returns the processor time that this process has used.
func used() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
