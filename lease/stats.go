package lease

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockkeeper/lockkeeper/znode"
)

// Stats count what happens to sessions. They are metrics: see [Sessions.Register].
type Stats struct {
	opened, closed, expired atomic.Uint64
	lateness                atomic.Pointer[prometheus.Histogram]
}

func (st *Stats) late(d time.Duration) {
	if h := st.lateness.Load(); h != nil {
		(*h).Observe(d.Seconds())
	}
}

// Register adds the metrics of sessions to r. It must be called once, after Bind.
func (s *Sessions) Register(r prometheus.Registerer) {
	counter := func(name, help string, v *atomic.Uint64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(v.Load()) }))
	}
	counter("lockkeeper_lease_opened_total", "Sessions opened through this member.", &s.Stats.opened)
	counter("lockkeeper_lease_closed_total", "Sessions closed by request, in the whole cluster, while this member was up.", &s.Stats.closed)
	counter("lockkeeper_lease_expired_total", "Sessions that were overdue, in the whole cluster, while this member was up.", &s.Stats.expired)
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lockkeeper_lease_active", Help: "Sessions that are open, in the whole cluster.",
	}, func() (n float64) {
		s.store.View(func(t *znode.Tree, _ int64) { n = float64(t.NumSessions()) })
		return n
	}))
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lockkeeper_lease_expiry_lateness_seconds", Help: "How long after its deadline the writer found a session overdue.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
	})
	r.MustRegister(h)
	s.Stats.lateness.Store(&h)
}
