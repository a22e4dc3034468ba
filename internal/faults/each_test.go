//go:build linux

package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// each calls do for 0 to n-1, width at a time, and fails the test for its first error.
func each(t *testing.T, n, width int, do func(ctx context.Context, i int) error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range width {
		wg.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil && ctx.Err() == nil {
					cancel(fmt.Errorf("%d of %d: %w", i, n, err))
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		t.Fatal(err)
	}
}

// during calls do over and over, with growing numbers and width at a time, until d has passed,
// and returns how often. It fails the test for do's first error.
func during(t *testing.T, d time.Duration, width int, do func(ctx context.Context, i int) error) int {
	t.Helper()
	end := contextWithin(t, d)
	var n atomic.Int64
	each(t, width, width, func(ctx context.Context, _ int) error {
		for end.Err() == nil && ctx.Err() == nil {
			if err := do(ctx, int(n.Add(1))); err != nil {
				return err
			}
		}
		return nil
	})
	return int(n.Load())
}

// contextWithin returns a context that ends with the test or after d.
func contextWithin(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
