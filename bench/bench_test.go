package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/quorum"
)

// What one operation costs in this process, allocations included, which noise does not touch.
// The quorum has its fsync, so run these where the temporary directory is on a disk.

func newCore(b *testing.B, open func(context.Context, string) (*core, error)) *core {
	b.Helper()
	c, err := open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.close(); err != nil {
			b.Error(err)
		}
	})
	return c
}

// together has callers call op at once, for as long as b.Loop says; one loop is an operation
// of each. It reports what one operation took.
func together(b *testing.B, callers int, op func(ctx context.Context, caller, i int) error) {
	b.Helper()
	b.ReportAllocs()
	loops := 0
	for b.Loop() {
		if callers == 1 {
			if err := op(b.Context(), 0, loops); err != nil {
				b.Fatal(err)
			}
			loops++
			continue
		}
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				if err := op(b.Context(), caller, loops); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		loops++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(loops*callers), "ns/request")
}

func BenchmarkEtcdTxn(b *testing.B) {
	for _, callers := range []int{1, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			c := newCore(b, openQuorum)
			together(b, callers, func(ctx context.Context, caller, i int) error {
				key := fmt.Sprintf("bare/bench/%d-%d", caller, i)
				r, err := c.quorum.Txn(ctx, quorum.Txn{
					Guards: []quorum.Guard{quorum.ModRevisionIs(key, 0)},
					Ops:    []quorum.Op{{Key: key, Value: make([]byte, 2*smallBytes)}},
				})
				if err == nil && !r.Committed {
					err = errors.New("a fresh key exists")
				}
				return err
			})
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			c := newCore(b, openCore)
			if err := c.do(b.Context(), create(benchDir, nil)); err != nil {
				b.Fatal(err)
			}
			data := make([]byte, smallBytes)
			together(b, callers, func(ctx context.Context, caller, i int) error {
				return c.do(ctx, create(fmt.Sprintf("%s/%d-%d", benchDir, caller, i), data))
			})
		})
	}
}

func BenchmarkPair(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			c := newCore(b, openCore)
			sessions, err := openLeases(b.Context(), c, callers)
			if err != nil {
				b.Fatal(err)
			}
			together(b, callers, func(ctx context.Context, caller, _ int) error {
				return pair(ctx, c, fmt.Sprintf("bench/%d", caller), sessions[caller])
			})
		})
	}
}
