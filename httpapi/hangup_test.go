package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// TestAHangUpTakesTheParticipantBack: a client that closes its connection while it waits to enter a
// double barrier is neither counted by those who come later nor waited for, and a session that was
// opened for it is closed.
func TestAHangUpTakesTheParticipantBack(t *testing.T) {
	a, m := overMember(t)
	s := httptest.NewServer(a.Handler())
	defer s.Close()
	id := membertest.Session(t, m)
	at := func() (participants int) {
		g, err := m.Barriers.Gathering(t.Context(), "meet", 10, lock.Read{Linearizable: true})
		if err != nil {
			t.Fatal(err)
		}
		return g.Total
	}
	sessions := func() int {
		list, _, _, err := m.Sessions.List(t.Context(), 0, 10, lock.Read{Linearizable: true})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for _, body := range []string{
		`{"count":2,"wait":"1m","ttl":"1m"}`, // with a session of its own
		`{"count":2,"wait":"1m","session":"` + lease.FormatID(id) + `"}`,
		`{"count":2,"wait":"1m","session":"` + lease.FormatID(id) + `","id":"mine"}`,
	} {
		ctx, hangUp := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/double-barriers/meet/enter", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				err = resp.Body.Close()
			}
			done <- err
		}()
		eventually(t, "it waits at the barrier", func() bool { return at() == 1 })
		hangUp()
		membertest.Is(t, "the request", <-done, context.Canceled)
		eventually(t, "it is out", func() bool { return at() == 0 })
		eventually(t, "its session is closed", func() bool { return sessions() == 1 })
	}
	// Nobody is counted who is not there.
	wantProblem(t, ask(t, a, http.MethodPost, "/v1/double-barriers/meet/enter", `{"count":2}`), http.StatusLocked, "barrier_closed")
	if _, err := m.Sessions.Touch(t.Context(), id, 0); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the session that waited: %v", err)
	}
}
