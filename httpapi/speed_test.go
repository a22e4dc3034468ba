package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// nowhere is a response writer without a connection.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w nowhere) WriteHeader(int)             {}

// What this door costs apart from net/http: an acquire against an empty gin handler.
func BenchmarkDoor(b *testing.B) {
	const target = "/v1/locks/orders/42/acquire"
	const body = `{"session":"0000000000000007","request_id":"0123456789abcdef"}`
	empty := gin.New()
	empty.POST("/v1/locks/*rest", func(g *gin.Context) { g.Status(http.StatusOK) })
	a := newBench().start(b)
	for name, h := range map[string]http.Handler{"empty": empty, "acquire": a.Handler()} {
		for kind, text := range map[string]string{"nothing": "", "body": body} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				req := httptest.NewRequest(http.MethodPost, target, http.NoBody)
				w := nowhere{http.Header{}}
				r := strings.NewReader("")
				for b.Loop() {
					if text != "" {
						r.Reset(text)
						req.Body, req.ContentLength = io.NopCloser(r), int64(len(text))
					}
					clear(w.header)
					h.ServeHTTP(w, req)
				}
			})
		}
	}
}

func TestMetrics(t *testing.T) {
	b := newBench()
	b.Metrics = prometheus.NewRegistry()
	a := b.start(t)
	ask(t, a, http.MethodPost, "/v1/locks/a/acquire", "")
	ask(t, a, http.MethodPost, "/v1/locks/b/acquire", `{"x":1}`)
	ask(t, a, http.MethodPost, "/v1/locks/b/acquire", `{"x":1}`)
	ask(t, a, http.MethodGet, "/v2", "")
	want := `
		# HELP lockkeeper_http_requests_total Requests by route and status; 499 is a client that left before its answer.
		# TYPE lockkeeper_http_requests_total counter
		lockkeeper_http_requests_total{code="200",route="POST /v1/locks/{name}/acquire"} 1
		lockkeeper_http_requests_total{code="400",route="POST /v1/locks/{name}/acquire"} 2
		lockkeeper_http_requests_total{code="404",route="none"} 1
	`
	if err := testutil.GatherAndCompare(b.Metrics, strings.NewReader(want), "lockkeeper_http_requests_total"); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(b.Metrics)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	if _, err := New(b.Config); err == nil {
		t.Error("New registered the same metrics twice")
	}
	if text := ask(t, a, http.MethodGet, "/metrics", "").Body.String(); !strings.Contains(text, "go_goroutines") {
		t.Error("/metrics leaves out the default registry")
	}
}

func TestReadiness(t *testing.T) {
	tests := []struct {
		name   string
		health Health
		status int
		want   string
	}{
		{"just started", Health{}, 503, `"status":"unavailable","reason":"no_quorum"`},
		{"no quorum", Health{CaughtUp: true, Revision: 5}, 503, `"reason":"no_quorum"`},
		{"behind", Health{Quorum: true, Lag: 900, Revision: 5}, 503, `"reason":"not_caught_up"`},
		{"disk full", Health{Quorum: true, CaughtUp: true, StorageFull: true}, 200, `"status":"degraded","reason":"storage_full"`},
		{"well", Health{Quorum: true, CaughtUp: true}, 200, `"status":"ready","quorum":true`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			b.Health = func() Health { return tt.health }
			a := b.start(t)
			rec := ask(t, a, http.MethodGet, "/readyz", "")
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) {
				t.Errorf("readyz = %d %s; want %d with %s", rec.Code, rec.Body, tt.status, tt.want)
			}
			if rec := ask(t, a, http.MethodGet, "/healthz", ""); rec.Code != http.StatusOK {
				t.Errorf("healthz = %d; the process is alive", rec.Code)
			}
		})
	}
}
