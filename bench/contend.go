package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A mutex is what every party of a contest offers its workers. It is for one goroutine.
type mutex interface {
	Lock(ctx context.Context) error
	Unlock(ctx context.Context) error
}

// A timing tells which part of a worker's round is the latency that is reported.
type timing int

const (
	ofCycles timing = iota // from before Lock to after Unlock
	ofWaits                // of Lock alone
)

var (
	// errTwoHolders would be the end of all figures.
	errTwoHolders = errors.New("two workers hold one lock")
	// errNothing would make figures of nothing.
	errNothing = errors.New("nothing was done in time; try a larger -scale")
)

// contend has a worker for each mutex take it and give it back, over and over, for a while, and
// measures them. Cycles that end later do not count; their latency does, since the longest waits
// are among them. cpu tells how much processor time the servers have used so far.
//
// A hot lock is one that all of the mutexes stand for. What counts then is that it passes from one
// worker to another, not that the same one takes it back before anybody else could; and it is
// checked that one holds it at a time.
//
// The first error ends it.
func contend(ctx context.Context, mutexes []mutex, span time.Duration, cpu func() time.Duration, what timing, hot bool) (load, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &contention{what: what, hot: hot, last: -1, latency: newHistogram()}
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i, m := range mutexes {
		wg.Go(func() {
			<-begin
			if err := c.work(ctx, i, m); err != nil {
				cancel(err)
			}
		})
	}
	used, own, start := cpu(), ownCPU(), time.Now()
	close(begin)
	end := time.NewTimer(span)
	defer end.Stop()
	select {
	case <-end.C:
	case <-ctx.Done():
	}
	l := load{
		ops: int(c.done.Load()), again: int(c.again.Load()), wall: time.Since(start),
		cpu: cpu() - used, callers: ownCPU() - own, latency: c.latency,
	}
	c.over.Store(true)
	wg.Wait()
	err := context.Cause(ctx)
	if err == nil && l.ops == 0 {
		err = errNothing
	}
	return l, err
}

// A contention is what the workers of contend share.
type contention struct {
	what  timing
	hot   bool
	over  atomic.Bool // nobody begins another cycle
	done  atomic.Int64
	again atomic.Int64 // takes of the hot lock by who had it last
	held  atomic.Bool  // the hot lock
	last  int          // the worker who had it; for who has it

	mu      sync.Mutex
	latency *hdrhistogram.Histogram
}

// work is what one worker does.
func (c *contention) work(ctx context.Context, worker int, m mutex) error {
	h := newHistogram()
	for !c.over.Load() {
		start := time.Now()
		if err := m.Lock(ctx); err != nil {
			return err
		}
		end, counter := time.Now(), &c.done
		if c.hot {
			if !c.held.CompareAndSwap(false, true) {
				return errTwoHolders
			}
			if c.last == worker {
				counter = &c.again
			}
			c.last = worker
			c.held.Store(false)
		}
		if err := m.Unlock(ctx); err != nil {
			return err
		}
		counter.Add(1)
		if c.what == ofCycles {
			end = time.Now()
		}
		_ = h.RecordValue(int64(end.Sub(start))) // above a minute: nobody would wait to see it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latency.Merge(h)
	return nil
}
