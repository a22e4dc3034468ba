package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

func TestSnapshot(t *testing.T) {
	b := newBench()
	var asked lock.Read
	b.Snapshot = func(_ context.Context, fresh lock.Read, w io.Writer) error {
		asked = fresh
		_, err := io.WriteString(w, "snapshot")
		return err
	}
	rec := ask(t, b.start(t), http.MethodGet, "/v1/snapshot?consistency=linearizable", "")
	if rec.Code != http.StatusOK || rec.Body.String() != "snapshot" || !asked.Linearizable {
		t.Errorf("snapshot = %d %q, asked for %+v", rec.Code, rec.Body, asked)
	}

	b = newBench()
	wantProblem(t, ask(t, b.start(t), http.MethodGet, "/v1/snapshot", ""), http.StatusNotFound, "unknown_route")
	b = newBench()
	b.Snapshot = func(context.Context, lock.Read, io.Writer) error { return store.ErrUnavailable }
	wantProblem(t, ask(t, b.start(t), http.MethodGet, "/v1/snapshot", ""), http.StatusServiceUnavailable, "unavailable")
}

// TestHalfASnapshot: a snapshot that fails on the way ends with the connection, not as a whole answer.
func TestHalfASnapshot(t *testing.T) {
	b := newBench()
	b.Snapshot = func(_ context.Context, _ lock.Read, w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return errors.New("the disk is gone")
	}
	srv := httptest.NewServer(b.start(t).Handler())
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL + "/v1/snapshot")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading half a snapshot = %v; want an unexpected end", err)
	}
}

func TestSnapshotsAreBounded(t *testing.T) {
	b := newBench()
	started, end := make(chan struct{}), make(chan struct{})
	b.Snapshot = func(context.Context, lock.Read, io.Writer) error {
		started <- struct{}{}
		<-end
		return nil
	}
	a := b.start(t)
	done := make(chan struct{})
	for range maxSnapshots {
		go func() {
			a.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/snapshot", http.NoBody))
			done <- struct{}{}
		}()
		<-started
	}
	wantProblem(t, ask(t, a, http.MethodGet, "/v1/snapshot", ""), http.StatusTooManyRequests, "too_many_requests")
	close(end)
	for range maxSnapshots {
		<-done
	}
}
