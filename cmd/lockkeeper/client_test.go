package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// member starts a fake member and counts what it is asked.
func member(t *testing.T, handler http.HandlerFunc) (endpoint string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		handler(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

func problem(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

// gone returns an endpoint where nothing listens any more.
func gone(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	return srv.URL
}

func get(t *testing.T, timeout time.Duration, endpoints ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var raw json.RawMessage
	err := newClient(&clientConfig{endpoints: endpoints}).do(ctx, http.MethodGet, "/v1/status", nil, nil, &raw)
	return string(raw), err
}

func TestClientTriesTheNextMember(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first func(t *testing.T) string
	}{
		{"unreachable", gone},
		{"no quorum", func(t *testing.T) string {
			url, _ := member(t, problem(503, `{"code":"unavailable","detail":"no quorum"}`))
			return url
		}},
		{"silent", func(t *testing.T) string {
			url, _ := member(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			return url
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			good, _ := member(t, answer(`{"ok":true}`))
			got, err := get(t, 2*time.Second, tc.first(t), good)
			if err != nil || got != `{"ok":true}` {
				t.Errorf("do = %s, %v; want the second member's answer", got, err)
			}
		})
	}
}

func TestClientStopsAtARefusal(t *testing.T) {
	first, _ := member(t, problem(404, `{"code":"not_found","detail":"no such route"}`))
	second, asked := member(t, answer(`{}`))
	_, err := get(t, 5*time.Second, first, second)
	if p, ok := errors.AsType[*problemError](err); !ok || p.Code != "not_found" {
		t.Errorf("do = %v; want the problem not_found", err)
	}
	if asked.Load() != 0 {
		t.Error("the second member was asked after the first had refused")
	}
}

func TestClientErrors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		code    int
		text    string
	}{
		{"bad request", problem(400, `{"code":"bad_request","detail":"name: is empty","fix":"give one"}`), exitUsage, "name: is empty (bad_request); give one"},
		{"not held", problem(409, `{"code":"not_held","title":"not held"}`), exitNotFound, "not held (not_held); try again in 2 s"},
		{"session over", problem(410, `{"code":"session_lost","detail":"session over."}`), exitNotFound, "session over (session_lost)"},
		{"held", problem(423, `{"code":"lock_held","detail":"held by a"}`), exitHeld, "held by a (lock_held)"},
		{"no quorum", problem(503, `{"code":"unavailable","detail":"no quorum"}`), exitUnavailable, "no quorum (unavailable); try again in 2 s"},
		{"uncertain", problem(503, `{"code":"uncertain","detail":"not known"}`), exitUncertain, "not known (uncertain)"},
		{"disk full", problem(507, `{"code":"storage_full","detail":"full"}`), exitFailure, "full (storage_full)"},
		{"something else listens", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, exitFailure, "not as a member of Lockkeeper does"},
		{"not JSON", answer("hello"), exitFailure, "read the answer"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, exitFailure, "HTTP 302"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			endpoint, _ := member(t, tc.handler)
			_, err := get(t, 5*time.Second, endpoint)
			if err == nil || !strings.Contains(err.Error(), tc.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("do = %v; want one line with %q", err, tc.text)
			}
			if got := exitCode(err); got != tc.code {
				t.Errorf("exit code of %v = %d; want %d", err, got, tc.code)
			}
		})
	}
}

func TestClientGivesUpInTime(t *testing.T) {
	silent, _ := member(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := get(t, 100*time.Millisecond, silent)
	if err == nil || !strings.Contains(err.Error(), "no answer in time") || exitCode(err) != exitUnavailable {
		t.Errorf("do = %v, exit code %d; want no answer in time, %d", err, exitCode(err), exitUnavailable)
	}
}

// TestRoutesOfNamesLikeActions: the last slash that says that there is no action stands behind the names of
// just the actions that can be asked for by GET, as the API's description has them.
func TestRoutesOfNamesLikeActions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "httpapi", "openapi", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`(?m)^  (/\S+):\n((?:    .*\n|\n)+)`)
	action := regexp.MustCompile(`^/v1/([a-z-]+)/\{name\}/([a-z]+)$`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, described := range path.FindAllStringSubmatch(string(text), -1) {
			m := action.FindStringSubmatch(described[1])
			if m == nil {
				continue
			}
			found++
			read := strings.Contains("\n"+described[2], "\n    get:\n")
			if got := strings.HasSuffix(routePath(m[1], "a/"+m[2], ""), "/"); got != read {
				t.Errorf("the path of %q in %s ends with a slash: %v; want %v", "a/"+m[2], m[1], got, read)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d actions were found", found)
	}
}

func TestLockPath(t *testing.T) {
	for name, want := range map[string]string{
		"orders/42":  "/v1/locks/orders/42/release",
		"a b/ü?x#y":  "/v1/locks/a%20b/%C3%BC%3Fx%23y/release",
		"100%/a%2Fb": "/v1/locks/100%25/a%252Fb/release",
	} {
		if got := lockPath(name, "release"); got != want {
			t.Errorf("lockPath(%q) = %s; want %s", name, got, want)
		}
	}
}
