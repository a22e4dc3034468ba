package stream

import (
	"fmt"
	"strconv"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// meters are this door's metrics.
type meters struct {
	requests *prometheus.CounterVec
	kinds    [wire.MaxRequest + 1]struct {
		ok      prometheus.Counter
		seconds prometheus.Observer
	}
	messages prometheus.Counter
	bytes    prometheus.Counter
	closed   *prometheus.CounterVec
}

func newMeters(d *Door) (*meters, error) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "lockkeeper_stream_request_seconds",
		Help:    "Time from a request's arrival to its answer's queueing, waits included.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600},
	}, []string{"kind"})
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockkeeper_stream_requests_total", Help: "Requests over streams by kind and code of the answer.",
		}, []string{"kind", "code"}),
		messages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockkeeper_stream_messages_sent_total", Help: "WebSocket messages sent, each with all frames that were ready.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockkeeper_stream_sent_bytes_total", Help: "Bytes of WebSocket messages sent.",
		}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockkeeper_stream_closed_total", Help: "Streams that have ended, by their WebSocket status code; 1006 is a connection that broke.",
		}, []string{"code"}),
	}
	for kind := range kinds {
		if name := kinds[kind].name; name != "" {
			m.kinds[kind].ok = m.requests.WithLabelValues(name, "ok")
			m.kinds[kind].seconds = seconds.WithLabelValues(name)
		}
	}
	gauge := func(name, help string, read func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(read()) })
	}
	if d.cfg.Metrics == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.requests, seconds, m.messages, m.bytes, m.closed,
		gauge("lockkeeper_stream_open", "Streams open now.", d.Len),
		gauge("lockkeeper_stream_sessions", "Sessions attached to a stream of this member now.", d.sessions),
	} {
		if err := d.cfg.Metrics.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the stream: %w", err)
		}
	}
	return m, nil
}

func (d *Door) sessions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.attached)
}

// answered counts one request.
func (m *meters) answered(kind wire.Kind, code string, took time.Duration) {
	if kind < 0 || int(kind) >= len(m.kinds) || m.kinds[kind].ok == nil {
		m.requests.WithLabelValues("unknown", code).Inc()
		return
	}
	k := &m.kinds[kind]
	k.seconds.Observe(took.Seconds())
	if code == "ok" {
		k.ok.Inc()
		return
	}
	m.requests.WithLabelValues(kinds[kind].name, code).Inc()
}

func (m *meters) sent(n int) {
	m.messages.Inc()
	m.bytes.Add(float64(n))
}

// ended counts a stream by why it ended: the member's reason, or else the client's.
func (m *meters) ended(c *closing, err error) {
	code := int(websocket.CloseStatus(err))
	if c != nil {
		code = c.code
	}
	if code < 0 {
		code = 1006
	}
	m.closed.WithLabelValues(strconv.Itoa(code)).Inc()
}
