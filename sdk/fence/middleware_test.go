package fence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// checkFunc is a Checker, and no Gate.
type checkFunc func(ctx context.Context, name string, token sdk.Token) error

func (f checkFunc) Check(ctx context.Context, name string, token sdk.Token) error {
	return f(ctx, name, token)
}

// byPath names the fence by the request's path.
func byPath(r *http.Request) (string, error) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		return "", errors.New("the path names no order")
	}
	return name, nil
}

// behind puts a fence before a handler that says which token it found.
func behind(t *testing.T, cfg fence.Config) http.Handler {
	t.Helper()
	protect, err := fence.Middleware(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := fence.TokenFrom(r.Context())
		fmt.Fprint(w, token, ok, r.Context().Err())
	}))
}

// serve sends a request with these values of the header.
func serve(t *testing.T, h http.Handler, path string, tokens ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, nil)
	for _, token := range tokens {
		r.Header.Add(fence.Header, token)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestMiddleware(t *testing.T) {
	l := fence.NewLocal(fence.LocalConfig{})
	h := behind(t, fence.Config{Checker: l, Name: byPath})
	if err := l.Check(t.Context(), "orders", 40); err != nil {
		t.Fatal(err)
	}
	const fix = "take the lock, and send the token of the hold in the header Lockkeeper-Token, in decimal digits"
	const notToken = "the header Lockkeeper-Token is not a whole number from 1 to 9007199254740991, in digits alone"
	bad := func(detail string) map[string]any {
		return map[string]any{"code": "bad_request", "field": fence.Header, "detail": detail, "fix": fix}
	}
	for _, tt := range []struct {
		name   string
		path   string
		tokens []string
		status int
		want   map[string]any // of the problem
	}{
		{"newer", "/orders", []string{"41"}, 200, nil},
		{"equal", "/orders", []string{"41"}, 200, nil},
		{"the highest there can be", "/far", []string{"9007199254740991"}, 200, nil},
		{"stale", "/orders", []string{"40"}, 412, map[string]any{
			"code": "stale_token", "name": "orders", "token": 40.0, "highest": 41.0, "field": fence.Header,
			"detail": `token 40 is stale: fence "orders" has seen 41`,
		}},
		{"missing", "/orders", nil, 428, map[string]any{
			"code": "token_required", "field": fence.Header, "detail": "the header Lockkeeper-Token is missing", "fix": fix,
		}},
		{"empty", "/orders", []string{""}, 400, bad(notToken)},
		{"word", "/orders", []string{"42x"}, 400, bad(notToken)},
		{"zero", "/orders", []string{"0"}, 400, bad(notToken)},
		{"negative", "/orders", []string{"-1"}, 400, bad(notToken)},
		{"sign", "/orders", []string{"+42"}, 400, bad(notToken)},
		{"space", "/orders", []string{" 42"}, 400, bad(notToken)},
		{"leading zero", "/orders", []string{"042"}, 400, bad(notToken)},
		{"two in one", "/orders", []string{"42, 43"}, 400, bad(notToken)},
		{"too high", "/orders", []string{"9007199254740992"}, 400, bad(notToken)},
		{"beyond 64 bits", "/orders", []string{"18446744073709551658"}, 400, bad(notToken)},
		{"twice", "/orders", []string{"42", "42"}, 400, bad("the header Lockkeeper-Token stands there more than once")},
		{"no fence", "/", []string{"42"}, 400, map[string]any{"code": "bad_request", "detail": "the path names no order"}},
	} {
		rec := serve(t, h, tt.path, tt.tokens...)
		if rec.Code != tt.status {
			t.Errorf("%s: status %d; want %d: %s", tt.name, rec.Code, tt.status, rec.Body)
			continue
		}
		if tt.want == nil {
			if want := tt.tokens[0] + " true <nil>"; rec.Body.String() != want {
				t.Errorf("%s: the handler found %q; want %q", tt.name, rec.Body, want)
			}
			continue
		}
		var got map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got["type"] != "urn:lockkeeper:problem:"+got["code"].(string) || got["status"] != float64(tt.status) || got["title"] == "" {
			t.Errorf("%s: type, status or title is wrong: %s", tt.name, rec.Body)
		}
		for key, want := range tt.want {
			if diff := cmp.Diff(want, got[key]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", tt.name, key, diff)
			}
		}
		if got := rec.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: Content-Type = %q", tt.name, got)
		}
	}
}

// TestMiddlewareFailsClosed shows that a request whose token could not be checked is not passed on.
func TestMiddlewareFailsClosed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		check  checkFunc
		status int
	}{
		{"uncertain", func(context.Context, string, sdk.Token) error { return fmt.Errorf("check: %w", sdk.ErrUncertain) }, 503},
		{"anything", func(context.Context, string, sdk.Token) error { return errors.New("secret") }, 503},
		{"too slow", func(ctx context.Context, _ string, _ sdk.Token) error { <-ctx.Done(); return ctx.Err() }, 503},
		{"no name of a fence", func(context.Context, string, sdk.Token) error { return &sdk.InputError{Field: "name"} }, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				protect, err := fence.Middleware(fence.Config{Checker: tt.check, Name: fence.Fixed("a"), Patience: time.Second})
				if err != nil {
					t.Fatal(err)
				}
				h := protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request was passed on") }))
				rec := serve(t, h, "/", "7")
				if rec.Code != tt.status {
					t.Errorf("status %d; want %d: %s", rec.Code, tt.status, rec.Body)
				}
				if tt.status == 503 && (rec.Header().Get("Retry-After") != "1" || !strings.Contains(rec.Body.String(), `"code":"uncertain"`)) {
					t.Errorf("want Retry-After and code uncertain: %v %s", rec.Header(), rec.Body)
				}
				if strings.Contains(rec.Body.String(), "secret") {
					t.Errorf("the answer tells the cause: %s", rec.Body)
				}
			})
		})
	}
}

// TestMiddlewareKeepsTokensApart shows that at a Gate a newer request waits for the end of an older
// one, that its patience ends, and that a handler which panics leaves.
func TestMiddlewareKeepsTokensApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		protect, err := fence.Middleware(fence.Config{Checker: fence.NewLocal(fence.LocalConfig{}), Name: fence.Fixed("a"), Patience: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		end := make(chan struct{})
		h := protect(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if token, _ := fence.TokenFrom(r.Context()); token == 7 {
				<-end
				panic(http.ErrAbortHandler)
			}
		}))
		aborted := make(chan any)
		go func() { // ends with the test's receive
			defer func() { aborted <- recover() }()
			serve(t, h, "/", "7")
		}()
		synctest.Wait()
		if rec := serve(t, h, "/", "8"); rec.Code != 503 {
			t.Errorf("8 while 7 is at work: status %d; want 503", rec.Code)
		}
		close(end)
		if got := <-aborted; got != http.ErrAbortHandler {
			t.Errorf("the handler ended with %v", got)
		}
		if rec := serve(t, h, "/", "8"); rec.Code != 200 {
			t.Errorf("8 after 7: status %d; want 200", rec.Code)
		}
		if rec := serve(t, h, "/", "7"); rec.Code != 412 {
			t.Errorf("7 after 8: status %d; want 412", rec.Code)
		}
	})
}

func TestMiddlewareConfig(t *testing.T) {
	l := fence.NewLocal(fence.LocalConfig{})
	for _, tt := range []struct {
		field string
		cfg   fence.Config
	}{
		{"Checker", fence.Config{Name: fence.Fixed("a")}},
		{"Name", fence.Config{Checker: l}},
		{"Patience", fence.Config{Checker: l, Name: fence.Fixed("a"), Patience: -1}},
	} {
		_, err := fence.Middleware(tt.cfg)
		if e, ok := errors.AsType[*sdk.InputError](err); !ok || e.Field != tt.field {
			t.Errorf("Middleware without a good %s = %v; want an InputError that names it", tt.field, err)
		}
	}
}

// Nobody is warned of clients that have gone: nothing is wrong with the fence.
func TestMiddlewareSaysNothingOfClientsThatHaveGone(t *testing.T) {
	var log bytes.Buffer
	waits := checkFunc(func(ctx context.Context, _ string, _ sdk.Token) error {
		<-ctx.Done()
		return ctx.Err()
	})
	h := behind(t, fence.Config{Checker: waits, Name: byPath, Patience: time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, gone := range []bool{true, false} {
		log.Reset()
		ctx, cancel := context.WithCancel(t.Context())
		if gone {
			cancel()
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodPut, "/orders", nil)
		r.Header.Set(fence.Header, "42")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		cancel()
		if rec.Code != http.StatusServiceUnavailable || (log.Len() == 0) != gone {
			t.Errorf("gone: %v: status %d, log %q", gone, rec.Code, log.String())
		}
	}
}
