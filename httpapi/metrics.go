package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// meters are this door's metrics.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refused  prometheus.Counter // connections
	stray    *meter             // of requests that no route is for
	page     http.Handler       // of /metrics
}

func newMeters(a *API) (*meters, error) {
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockkeeper_http_requests_total",
			Help: "Requests by route and status; 499 is a client that left before its answer.",
		}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockkeeper_http_request_seconds",
			Help:    "Time from a request's header to the end of its answer, waits included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600},
		}, []string{"route"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockkeeper_http_connections_refused_total",
			Help: "Connections refused because too many were open.",
		}),
	}
	gauge := func(name, help string, n *atomic.Int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(n.Load()) })
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.seconds, m.refused,
		gauge("lockkeeper_http_in_flight", "Requests worked on now, waits and streams aside.", &a.inFlight),
		gauge("lockkeeper_http_waiting", "Requests that wait in a queue now.", &a.waiting),
		gauge("lockkeeper_http_event_streams", "Event streams open now.", &a.streams),
	} {
		if err := a.cfg.Metrics.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the HTTP door: %w", err)
		}
	}
	m.stray = m.meter("none")
	m.page = promhttp.HandlerFor(prometheus.Gatherers{a.cfg.Metrics, prometheus.DefaultGatherer}, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError, // one bad collector must not hide the others
		MaxRequestsInFlight: 4,
		Timeout:             a.limits.RequestTimeout,
	})
	return m, nil
}

// A meter is the metrics of one route, looked up once.
type meter struct {
	vec     *prometheus.CounterVec
	route   string
	seconds prometheus.Observer
	codes   [500]atomic.Pointer[prometheus.Counter] // by status, from 100
}

func (m *meters) meter(route string) *meter {
	return &meter{vec: m.requests, route: route, seconds: m.seconds.WithLabelValues(route)}
}

func (m *meters) route(r *route) *meter { return m.meter(r.method + " " + r.pattern) }

// unmatched returns a route for a request that has none.
func (m *meters) unmatched(handle func(*call) error) *route {
	return &route{pattern: "none", handle: handle, class: exempt, meter: m.stray}
}

// observe counts one request. Counters are looked up on a status's first use, so that only
// those that happen are listed.
func (m *meter) observe(status int, took time.Duration) {
	m.seconds.Observe(took.Seconds())
	at := &m.codes[min(max(status-100, 0), len(m.codes)-1)]
	counter := at.Load()
	if counter == nil {
		c := m.vec.WithLabelValues(m.route, strconv.Itoa(status))
		counter = &c
		at.Store(counter)
	}
	(*counter).Inc()
}

func (c *call) metrics() error {
	c.w.Header()["Lockkeeper-Revision"] = []string{strconv.FormatInt(c.api.cfg.Revision(), 10)}
	c.sent = http.StatusOK
	m := c.api.meters
	m.page.ServeHTTP(c.w, c.r)
	c.sent = c.w.Status()
	return nil
}

// commands hands a request for one of ZooKeeper's commands on.
func (c *call) commands() error {
	if c.api.cfg.Commands == nil {
		return errUnknownRoute
	}
	c.w.Header()["Lockkeeper-Revision"] = []string{strconv.FormatInt(c.api.cfg.Revision(), 10)}
	c.api.cfg.Commands.ServeHTTP(c.w, c.r)
	c.sent = c.w.Status()
	return nil
}
