package lock

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats measure what happens to locks. They are metrics: see [Locker.Register].
type Stats struct {
	waits, holds, handOvers, queues atomic.Pointer[prometheus.Histogram]
	losses, deadlocks               atomic.Pointer[prometheus.CounterVec]
}

func (st *Stats) handOver(d time.Duration) { observe(&st.handOvers, d) }

func (st *Stats) joined(ahead int) {
	if h := st.queues.Load(); h != nil {
		(*h).Observe(float64(ahead))
	}
}

func (st *Stats) wait(d time.Duration) { observe(&st.waits, d) }
func (st *Stats) hold(d time.Duration) { observe(&st.holds, d) }

func observe(p *atomic.Pointer[prometheus.Histogram], d time.Duration) {
	if h := p.Load(); h != nil {
		(*h).Observe(max(0, d.Seconds()))
	}
}

func (st *Stats) lost(cause string) {
	if v := st.losses.Load(); v != nil {
		v.WithLabelValues(cause).Inc()
	}
}

func (st *Stats) deadlock(action string) {
	if v := st.deadlocks.Load(); v != nil {
		v.WithLabelValues(action).Inc()
	}
}

// Register adds the metrics of locks to r. It must be called once, after Bind.
func (l *Locker) Register(r prometheus.Registerer) {
	histogram := func(p *atomic.Pointer[prometheus.Histogram], name, help string, buckets ...float64) {
		if buckets == nil {
			buckets = prometheus.ExponentialBuckets(0.001, 4, 12)
		}
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		r.MustRegister(h)
		p.Store(&h)
	}
	histogram(&l.Stats.waits, "lockkeeper_lock_wait_seconds", "From joining a queue to holding, by the writer's clock, in the whole cluster.")
	histogram(&l.Stats.holds, "lockkeeper_lock_hold_seconds", "From holding to the end of the hold, by the writer's clock, in the whole cluster.")
	histogram(&l.Stats.handOvers, "lockkeeper_lock_hand_over_seconds",
		"From the end of the hold before, as applied by this member, to the answer to the next holder, who waits here.",
		prometheus.ExponentialBuckets(0.0001, 2, 18)...)
	histogram(&l.Stats.queues, "lockkeeper_lock_queue_length",
		"How many stood ahead of each contender that joined a queue, in the whole cluster.",
		0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
	losses := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lockkeeper_lock_lost_total", Help: "Holds that ended other than by their own release, in the whole cluster.",
	}, []string{"cause"})
	r.MustRegister(losses)
	l.Stats.losses.Store(losses)
	deadlocks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lockkeeper_lock_deadlocks_total", Help: "Cycles of waits that this member has refused or reported, and searches that ended at the limit: unknown.",
	}, []string{"action"})
	r.MustRegister(deadlocks)
	for _, action := range []string{"refused", "reported", "unknown"} {
		deadlocks.WithLabelValues(action) // 0 is told, too
	}
	l.Stats.deadlocks.Store(deadlocks)
	gauge := func(name, help string, f func() int) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return float64(f())
		}))
	}
	gauge("lockkeeper_lock_held", "Locks that are held, in the whole cluster.", l.names.Len)
	gauge("lockkeeper_lock_permits_held", "Permits of semaphores that are out, in the whole cluster.", func() int { return l.permits.out })
	gauge("lockkeeper_lock_waiting_here", "Callers of this member who wait for a lock.", func() int { return len(l.waiters) })
	gauge("lockkeeper_lock_subscribers", "Subscribers to events at this member.", func() int { return l.events.readers })
}
