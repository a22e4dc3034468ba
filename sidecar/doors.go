package sidecar

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// timeLayout is how answers write times.
const timeLayout = time.RFC3339Nano

// eventBeat is the time between two signs of life of a stream of events without any.
const eventBeat = 10 * time.Second

// application is the door of the application.
func (s *sidecar) application() http.Handler {
	mux := s.common()
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, r *http.Request) {
		s.forward(r.Context(), w, &order{method: r.Method, path: "/openapi.yaml", repeatable: true}, nil)
	})
	mux.HandleFunc("GET /app", s.serveApp)
	mux.HandleFunc("GET /events", s.serveEvents)
	mux.HandleFunc("GET /state", s.serveState)
	// No web page acts in the application's name.
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		holds := r.URL.Path == "/app" && site != "" && site != "same-origin" && site != "none"
		switch err := origin.Check(r); {
		case err != nil || holds || s.strange(r.Host):
			refuse(w, http.StatusForbidden, "cross_origin", "a web page of another origin may not do this", "ask from a program; a sidecar is not for browsers")
		case strings.HasPrefix(r.URL.Path, "/v1/"):
			s.serveV1(w, r) // not by mux, which would tidy up names that a member is to refuse
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// strange reports whether a request was sent to a name that leads here and is none of this machine's own: a
// web page can have its name do so (DNS rebinding), and is then of the same origin.
func (s *sidecar) strange(host string) bool {
	if s.cfg.Insecure || strings.HasPrefix(s.cfg.Listen, unixPrefix) {
		return false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host != "" && host != "localhost" && net.ParseIP(strings.Trim(host, "[]")) == nil
}

// probes is the door of probes and metrics.
func (s *sidecar) probes() http.Handler { return s.common() }

// common is what both doors answer.
func (s *sidecar) common() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("GET /leader", s.serveHeld(Election, "election", false))
	mux.HandleFunc("GET /leader/token", s.serveHeld(Election, "election", true))
	mux.HandleFunc("GET /held", s.serveHeld(Lock, "lock", false))
	mux.HandleFunc("GET /held/token", s.serveHeld(Lock, "lock", true))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "unknown_route", "there is nothing at "+r.Method+" "+r.URL.Path, "the paths are /v1/…, /app, /events, /state, /leader, /leader/token, /held, /held/token, /healthz, /readyz and /metrics")
	})
	return mux
}

// serveReady says whether requests can be answered now.
func (s *sidecar) serveReady(w http.ResponseWriter, _ *http.Request) {
	c := s.client.Load()
	switch {
	case s.stopping.Load():
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "stopping", "reason": "this sidecar was told to stop"})
	case c == nil || c.Endpoint() == "":
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "unreachable", "reason": "no member can be reached"})
	default:
		writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	}
}

// serveHeld answers 200 while a claim of that kind holds, and can prove it; else 503. Which one a
// parameter says; where there is one only it may be left out.
func (s *sidecar) serveHeld(kind Kind, parameter string, token bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get(parameter)
		var found []*claim
		for _, c := range s.claims {
			if c.Kind == kind && (name == "" || c.Name == name) {
				found = append(found, c)
			}
		}
		w.Header().Set("Cache-Control", "no-store")
		if len(found) != 1 {
			fix := fmt.Sprintf("say which one: ?%s=NAME", parameter)
			if len(found) == 0 {
				fix = fmt.Sprintf("start the sidecar with this %s", kind)
			}
			refuse(w, http.StatusNotFound, "no_claim", fmt.Sprintf("%d of this sidecar's claims are meant", len(found)), fix)
			return
		}
		c := found[0]
		h := c.hold()
		if h == nil {
			writeJSON(w, http.StatusServiceUnavailable, map[string]any{string(kind): c.Name, "held": false})
			return
		}
		at := h.Deadline()
		if h.Err() != nil { // its time has run out this very moment
			writeJSON(w, http.StatusServiceUnavailable, map[string]any{string(kind): c.Name, "held": false})
			return
		}
		if token {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = fmt.Fprintln(w, strconv.FormatInt(int64(h.Token()), 10))
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{string(kind): c.Name, "held": true, "token": int64(h.Token()), "deadline": at.UTC().Format(timeLayout)})
	}
}

// A stateView is the answer of GET /state.
type stateView struct {
	App struct {
		Present bool   `json:"present"`
		Watch   Watch  `json:"watch"`
		Why     string `json:"why,omitempty"`
	} `json:"app"`
	Member  string      `json:"member,omitempty"`
	Session string      `json:"session,omitempty"`
	Claims  []claimView `json:"claims"`
	Holds   []holdView  `json:"holds"`
}

type claimView struct {
	Kind     Kind   `json:"kind"`
	Name     string `json:"name"`
	Held     bool   `json:"held"`
	Token    int64  `json:"token,omitempty"`
	State    string `json:"state,omitempty"`
	Deadline string `json:"deadline,omitempty"`
}

func (s *sidecar) serveState(w http.ResponseWriter, _ *http.Request) {
	v := stateView{Claims: []claimView{}, Holds: []holdView{}}
	v.App.Watch = s.cfg.App.Watch
	if v.App.Present, v.App.Why, _ = s.presence.now(); v.App.Present {
		v.App.Why = ""
	}
	if c := s.client.Load(); c != nil {
		v.Member = c.Endpoint()
	}
	if l := s.currentLife(); l != nil {
		if session := l.current(); session != nil {
			v.Session = session.ID().String()
		}
		v.Holds = l.holds.list()
	}
	for _, c := range s.claims {
		one := claimView{Kind: c.Kind, Name: c.Name}
		if h := c.hold(); h != nil {
			view := viewOf(c.Kind, h)
			one.Held, one.Token, one.State, one.Deadline = h.State() == sdk.Held || h.State() == sdk.Jeopardy, view.Token, view.State, view.Deadline
		}
		v.Claims = append(v.Claims, one)
	}
	writeJSON(w, http.StatusOK, v)
}

// serveApp is the connection that says that the application lives. It tells of events, too.
func (s *sidecar) serveApp(w http.ResponseWriter, r *http.Request) {
	events, leave, ok := s.notify.listen()
	if !ok {
		s.refuseListeners(w)
		return
	}
	defer leave()
	defer s.presence.connected()()
	s.stream(w, r, events)
}

func (s *sidecar) serveEvents(w http.ResponseWriter, r *http.Request) {
	events, leave, ok := s.notify.listen()
	if !ok {
		s.refuseListeners(w)
		return
	}
	defer leave()
	s.stream(w, r, events)
}

func (s *sidecar) refuseListeners(w http.ResponseWriter) {
	refuse(w, http.StatusTooManyRequests, "too_many_listeners", "too many streams of events are open at this sidecar, or it stops", "close some; the limit is --max-listeners")
}

// stream writes events as they come (Server-Sent Events) until the listener hangs up, is too slow,
// or the sidecar stops.
func (s *sidecar) stream(w http.ResponseWriter, r *http.Request, events <-chan Event) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	write := func(format string, args ...any) bool {
		_ = control.SetWriteDeadline(time.Now().Add(eventBeat))
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	if !write(": here\n\n") {
		return
	}
	beat := time.NewTicker(eventBeat)
	defer beat.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok || !write("event: %s\ndata: %s\n\n", e.Event, e.json()) {
				return
			}
		case <-beat.C:
			if !write(": here\n\n") {
				return
			}
		case <-r.Context().Done():
			for { // when the sidecar stops it has been told of what was given up
				select {
				case e, ok := <-events:
					if ok && write("event: %s\ndata: %s\n\n", e.Event, e.json()) {
						continue
					}
				default:
				}
				return
			}
		}
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has gone does not need it
}

// refuseInput answers that a field of a request is not for a sidecar.
func refuseInput(w http.ResponseWriter, field, problem, fix string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "urn:lockkeeper:problem:bad_request", "title": http.StatusText(http.StatusBadRequest), "status": http.StatusBadRequest,
		"code": "bad_request", "detail": field + " " + problem, "field": field, "fix": fix,
	})
}

// refuse answers a problem in the form of the members' own (RFC 9457).
func refuse(w http.ResponseWriter, status int, code, detail, fix string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "urn:lockkeeper:problem:" + code, "title": http.StatusText(status), "status": status, "code": code, "detail": detail, "fix": fix,
	})
}
