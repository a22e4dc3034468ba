package lock

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats measure what happens to locks. They are metrics: see [Locker.Register].
type Stats struct {
	waits, holds atomic.Pointer[prometheus.Histogram]
	losses       atomic.Pointer[prometheus.CounterVec]
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

// Register adds the metrics of locks to r. It must be called once, after Bind.
func (l *Locker) Register(r prometheus.Registerer) {
	histogram := func(p *atomic.Pointer[prometheus.Histogram], name, help string) {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 4, 12)})
		r.MustRegister(h)
		p.Store(&h)
	}
	histogram(&l.Stats.waits, "lockkeeper_lock_wait_seconds", "From joining a queue to holding, by the writer's clock, in the whole cluster.")
	histogram(&l.Stats.holds, "lockkeeper_lock_hold_seconds", "From holding to the end of the hold, by the writer's clock, in the whole cluster.")
	losses := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lockkeeper_lock_lost_total", Help: "Holds that ended other than by their own release, in the whole cluster.",
	}, []string{"cause"})
	r.MustRegister(losses)
	l.Stats.losses.Store(losses)
	gauge := func(name, help string, f func() int) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return float64(f())
		}))
	}
	gauge("lockkeeper_lock_held", "Locks that are held, in the whole cluster.", l.names.Len)
	gauge("lockkeeper_lock_waiting_here", "Callers of this member who wait for a lock.", func() int { return len(l.waiters) })
	gauge("lockkeeper_lock_subscribers", "Subscribers to events at this member.", func() int { return l.events.readers })
}
