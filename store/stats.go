package store

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockkeeper/lockkeeper/znode"
)

// Stats count what a store does. They are metrics: see [Store.Register].
type Stats struct {
	batches, batched, changes, takeovers atomic.Uint64
	revision                             atomic.Int64
	full                                 atomic.Bool
	commit, apply, batchSize             timing
}

// A timing collects observations without knowing a registry.
type timing struct {
	h atomic.Pointer[prometheus.Histogram]
}

func (t *timing) observe(d time.Duration) { t.value(d.Seconds()) }

func (t *timing) value(v float64) {
	if h := t.h.Load(); h != nil {
		(*h).Observe(v)
	}
}

func (t *timing) register(r prometheus.Registerer, o prometheus.HistogramOpts) {
	h := prometheus.NewHistogram(o)
	r.MustRegister(h)
	t.h.Store(&h)
}

func (st *Stats) applied(a *appliedRevision) {
	st.revision.Store(a.revision)
	if a.hasBatch {
		st.changes.Add(uint64(a.changes))
		st.batchSize.value(float64(a.changes))
	}
}

// Register adds the store's metrics to r. It must be called once.
func (s *Store) Register(r prometheus.Registerer) {
	seconds := prometheus.ExponentialBuckets(0.00005, 2, 18)
	s.Stats.commit.register(r, prometheus.HistogramOpts{
		Name: "lockkeeper_store_commit_seconds", Help: "Time to commit a batch of this writer.", Buckets: seconds,
	})
	s.Stats.apply.register(r, prometheus.HistogramOpts{
		Name: "lockkeeper_store_apply_seconds", Help: "Time to apply one revision to the tree.", Buckets: seconds,
	})
	s.Stats.batchSize.register(r, prometheus.HistogramOpts{
		Name: "lockkeeper_store_batch_changes", Help: "Changes in a batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 16),
	})
	counter := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, f))
	}
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
	}
	counter("lockkeeper_store_batches_total", "Batches proposed by this member.", func() float64 { return float64(s.Stats.batches.Load()) })
	counter("lockkeeper_store_requests_total", "Requests in the batches proposed by this member.", func() float64 { return float64(s.Stats.batched.Load()) })
	counter("lockkeeper_store_changes_total", "Changes applied to this member's tree.", func() float64 { return float64(s.Stats.changes.Load()) })
	counter("lockkeeper_store_takeovers_total", "Times this member became the writer.", func() float64 { return float64(s.Stats.takeovers.Load()) })
	gauge("lockkeeper_store_lag_revisions", "Revisions that etcd has applied here and the tree has not.", func() float64 {
		return float64(max(0, s.q.Revision()-s.Stats.revision.Load()))
	})
	gauge("lockkeeper_store_znodes", "Znodes in the tree.", func() float64 { return s.count(func(t *znode.Tree) int { return t.Len() }) })
	gauge("lockkeeper_store_storage_full", "1 while the disk watermark is reached.", func() float64 {
		if s.Stats.full.Load() {
			return 1
		}
		return 0
	})
}

func (s *Store) count(fn func(t *znode.Tree) int) (n float64) {
	s.View(func(t *znode.Tree, _ int64) { n = float64(fn(t)) })
	return n
}
