package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

// waitFor makes acquires wait for their context and return what ended it.
func waitFor(ctx context.Context, r lock.Request, _ time.Duration) (lock.Hold, error) {
	<-ctx.Done()
	return lock.Hold{}, context.Cause(ctx)
}

// inBackground sends requests whose answers are looked at later. Only within a bubble.
func inBackground(wg *sync.WaitGroup, a *API, method, target string, ctx context.Context) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	wg.Go(func() {
		a.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(ctx, method, target, http.NoBody))
	})
	synctest.Wait()
	return rec
}

func TestClosingEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.locks.acquire = waitFor
		a := b.start(t)
		var wg sync.WaitGroup
		waiting := inBackground(&wg, a, http.MethodPost, "/v1/locks/a/acquire?wait=forever", t.Context())
		trying := inBackground(&wg, a, http.MethodPost, "/v1/locks/a/acquire", t.Context())
		if w, f := a.waiting.Load(), a.inFlight.Load(); w != 1 || f != 1 {
			t.Fatalf("waiting, in flight = %d, %d; want 1, 1", w, f)
		}
		a.end()
		synctest.Wait()
		wantProblem(t, waiting, http.StatusServiceUnavailable, "shutting_down")
		if n := a.inFlight.Load(); n != 1 {
			t.Errorf("in flight = %d; closing must let bounded work finish", n)
		}
		wg.Wait() // the try ends with its time
		wantProblem(t, trying, http.StatusServiceUnavailable, "uncertain")
		wantProblem(t, ask(t, a, http.MethodPost, "/v1/locks/a/acquire?wait=1s", ""), http.StatusServiceUnavailable, "shutting_down")
		if m := decoded(t, ask(t, a, http.MethodGet, "/readyz", "")); m["reason"] != "shutting_down" {
			t.Errorf("readyz = %v; want shutting_down", m)
		}
	})
}

func TestABareCancelIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.locks.await = func(ctx context.Context, _ string, _ time.Duration) (lock.Hold, error) {
			<-ctx.Done()
			return lock.Hold{}, ctx.Err()
		}
		a := b.start(t)
		var wg sync.WaitGroup
		rec := inBackground(&wg, a, http.MethodGet, "/v1/tickets/t?wait=1m", t.Context())
		a.end()
		wg.Wait()
		wantProblem(t, rec, http.StatusServiceUnavailable, "shutting_down")
	})
}

func TestAHangUpEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.locks.acquire = waitFor
		a := b.start(t)
		ctx, hangUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		rec := inBackground(&wg, a, http.MethodPost, "/v1/locks/a/acquire?wait=1m", ctx)
		hangUp()
		wg.Wait()
		if rec.Body.Len() > 0 || a.waiting.Load() != 0 {
			t.Errorf("answer %q, %d waiting; want nothing", rec.Body, a.waiting.Load())
		}
	})
}

// A wait ends with its time and some for the work around it, whatever the domain does.
func TestWaitsAndWorkAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.locks.acquire = waitFor
		a := b.start(t)
		start := time.Now()
		ask(t, a, http.MethodPost, "/v1/locks/a/acquire?wait=1m", "")
		if took := time.Since(start); took != time.Minute+10*time.Second {
			t.Errorf("a wait of 1m took %v; want 1m10s", took)
		}
		start = time.Now()
		ask(t, a, http.MethodPost, "/v1/locks/a/acquire", "")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("a try took %v; want 10s", took)
		}
	})
}

func TestPlacesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.Limits.MaxInFlight, b.Limits.MaxWaiting = 8, 2
		b.locks.acquire = waitFor
		b.locks.release = func(ctx context.Context, _ lock.Release) (lock.Done, error) {
			<-ctx.Done()
			return lock.Done{}, store.ErrUnavailable
		}
		a := b.start(t)
		var wg sync.WaitGroup
		ctx, hangUp := context.WithCancel(t.Context())
		defer wg.Wait()
		defer hangUp()

		for range 2 {
			inBackground(&wg, a, http.MethodPost, "/v1/locks/a/acquire?wait=1h", ctx)
		}
		wantProblem(t, ask(t, a, http.MethodPost, "/v1/locks/a/acquire?wait=1h", ""), http.StatusTooManyRequests, "too_many_waits")

		// Waits leave the places in flight to others.
		for range 7 {
			inBackground(&wg, a, http.MethodPost, "/v1/locks/a/acquire", ctx)
		}
		wantProblem(t, ask(t, a, http.MethodPost, "/v1/locks/a/acquire", ""), http.StatusTooManyRequests, "too_many_requests")
		wantProblem(t, ask(t, a, http.MethodGet, "/v1/locks/a", ""), http.StatusTooManyRequests, "too_many_requests")

		// The last eighth is for releases.
		const release = "/v1/locks/a/release?session=0000000000000007"
		inBackground(&wg, a, http.MethodPost, release, ctx)
		if n := a.inFlight.Load(); n != 8 {
			t.Errorf("in flight = %d; want the release to have a place", n)
		}
		wantProblem(t, ask(t, a, http.MethodPost, release, ""), http.StatusTooManyRequests, "too_many_requests")

		// Who looks after the member gets through.
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			if rec := ask(t, a, http.MethodGet, path, ""); rec.Code != http.StatusOK {
				t.Errorf("%s in an overload: %d; want 200", path, rec.Code)
			}
		}
		hangUp()
		wg.Wait()
		if w, f := a.waiting.Load(), a.inFlight.Load(); w != 0 || f != 0 {
			t.Errorf("waiting, in flight = %d, %d after all; want 0, 0", w, f)
		}
	})
}
