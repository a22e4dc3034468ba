package sidecar

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meters count what happens.
type meters struct {
	events   *prometheus.CounterVec
	hooks    *prometheus.CounterVec
	hookTime prometheus.Histogram
}

// newMeters registers what GET /metrics answers.
func newMeters(s *sidecar) *meters {
	s.registry = prometheus.NewRegistry()
	m := &meters{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockkeeper_sidecar_events_total", Help: "Events, by what happened and to what.",
		}, []string{"event", "kind"}),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockkeeper_sidecar_hooks_total", Help: "Hooks that were run, by the event and whether they succeeded.",
		}, []string{"event", "result"}),
		hookTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lockkeeper_sidecar_hook_seconds", Help: "How long hooks took.", Buckets: []float64{0.01, 0.1, 1, 10, 60},
		}),
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "lockkeeper_sidecar_" + name, Help: help}, f)
	}
	s.registry.MustRegister(m.events, m.hooks, m.hookTime, &claimCollector{s},
		gauge("app_present", "1 while the application is found to live.", func() float64 {
			present, _, _ := s.presence.now()
			return one(present)
		}),
		gauge("member_reached", "1 while there is a connection to a member.", func() float64 {
			c := s.client.Load()
			return one(c != nil && c.Endpoint() != "")
		}),
		gauge("holds", "Locks, permits and terms held by requests of the application.", func() float64 {
			if l := s.currentLife(); l != nil {
				return float64(len(l.holds.list()))
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "lockkeeper_sidecar_events_dropped_total", Help: "Events that a webhook, a file or a signal did not pass on.",
		}, func() float64 { return float64(s.notify.dropped.Load()) }),
	)
	return m
}

func (m *meters) hook(event string, err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.hooks.WithLabelValues(event, result).Inc()
	m.hookTime.Observe(took.Seconds())
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// A claimCollector tells which claims hold, when it is asked: by the clock, not by the last change.
type claimCollector struct{ of *sidecar }

var claimHeld = prometheus.NewDesc("lockkeeper_sidecar_claim_held", "1 while the claim's lock is held, or its election led.", []string{"kind", "name"}, nil)

// Describe is part of [prometheus.Collector].
func (c *claimCollector) Describe(to chan<- *prometheus.Desc) { to <- claimHeld }

// Collect is part of [prometheus.Collector].
func (c *claimCollector) Collect(to chan<- prometheus.Metric) {
	for _, claim := range c.of.claims {
		to <- prometheus.MustNewConstMetric(claimHeld, prometheus.GaugeValue, one(claim.hold() != nil), string(claim.Kind), claim.Name)
	}
}
