package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A load is what some callers did together.
type load struct {
	ops     int
	again   int // takes of a hot lock by who had it last; not among ops
	wall    time.Duration
	cpu     time.Duration // of whoever served, and of the callers where they share its process
	callers time.Duration // processor time of the callers' process
	latency *hdrhistogram.Histogram
}

// rate is operations a second.
func (l *load) rate() float64 { return float64(l.ops) / l.wall.Seconds() }

// each is the time from one operation's end to the next one's: of one caller, what one costs.
func (l *load) each() time.Duration { return l.wall / time.Duration(l.ops) }

// cpuEach is the processor time of one operation.
func (l *load) cpuEach() time.Duration { return l.cpu / time.Duration(l.ops) }

// percentile is the latency that q percent of the operations kept to.
func (l *load) percentile(q float64) time.Duration {
	return time.Duration(l.latency.ValueAtQuantile(q))
}

// newHistogram takes latencies from a tenth of a microsecond to a minute, to one percent.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(100, int64(time.Minute), 2)
}

// drive has callers do ops operations, each as fast as it can, and measures them. cpu tells how
// much processor time was used so far. The first error ends it.
func drive(ctx context.Context, callers, ops int, cpu func() time.Duration, op func(ctx context.Context, caller, i int) error) (load, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	total := newHistogram()
	var merging sync.Mutex
	var done atomic.Int64
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for caller := range callers {
		wg.Go(func() {
			h := newHistogram()
			<-begin
			for i := range ops / callers {
				start := time.Now()
				if err := op(ctx, caller, i); err != nil {
					cancel(err)
					return
				}
				_ = h.RecordValue(int64(time.Since(start))) // above a minute: nobody would wait to see it
			}
			done.Add(int64(ops / callers))
			merging.Lock()
			defer merging.Unlock()
			total.Merge(h)
		})
	}
	used, own, start := cpu(), ownCPU(), time.Now()
	close(begin)
	wg.Wait()
	l := load{ops: int(done.Load()), wall: time.Since(start), cpu: cpu() - used, callers: ownCPU() - own, latency: total}
	return l, context.Cause(ctx)
}

// A series is what one side did, round by round.
type series struct {
	name   string
	rounds []load
}

// median returns the middle of what f tells of the rounds.
func (s *series) median(f func(*load) float64) float64 {
	values := make([]float64, len(s.rounds))
	for i := range s.rounds {
		values[i] = f(&s.rounds[i])
	}
	slices.Sort(values)
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}

func (s *series) least(f func(*load) float64) float64 {
	least := f(&s.rounds[0])
	for i := range s.rounds {
		least = min(least, f(&s.rounds[i]))
	}
	return least
}

func (s *series) most(f func(*load) float64) float64 {
	return -s.least(func(l *load) float64 { return -f(l) })
}

// ratios returns the smallest and the largest ratio of two sides in the same round.
func ratios(a, b *series, f func(*load) float64) (least, most float64) {
	for i := range a.rounds {
		r := f(&a.rounds[i]) / f(&b.rounds[i])
		if i == 0 || r < least {
			least = r
		}
		most = max(most, r)
	}
	return least, most
}

// latency returns all rounds' latencies together.
func (s *series) latency() *load {
	all := &load{latency: newHistogram()}
	for i := range s.rounds {
		all.latency.Merge(s.rounds[i].latency)
	}
	return all
}

func perSecond(l *load) float64 { return l.rate() }
func perOp(l *load) float64     { return float64(l.each()) }
func takes(l *load) float64     { return float64(l.ops+l.again) / l.wall.Seconds() }
func cpuPerOp(l *load) float64  { return float64(l.cpuEach()) }
func callPerOp(l *load) float64 { return float64(l.callers) / float64(l.ops) }
