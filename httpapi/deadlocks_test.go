package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/lock"
)

func TestDeadlocks(t *testing.T) {
	b := newBench()
	a := b.start(t)
	rec := ask(t, a, http.MethodGet, "/v1/deadlocks?consistency=linearizable", "")
	const want = `"cycle":[{"session":"0000000000000007","owner":"ann","door":"rest","holds":{"name":"x","token":9,"state":"held","since":"2026-03-04T12:00:00.0000005Z"},"waits":{"name":"y","token":12,"state":"waiting","since":"2026-03-04T12:00:00.0000005Z"}},`
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), want) || !strings.Contains(rec.Body.String(), `"actors":2`) || !strings.Contains(rec.Body.String(), `"search_limit":4096`) {
		t.Errorf("GET /v1/deadlocks: %d %s", rec.Code, rec.Body)
	}
	if rec := ask(t, a, http.MethodGet, "/v1/deadlocks?limit=0", ""); rec.Code != http.StatusBadRequest {
		t.Errorf("limit=0: %d", rec.Code)
	}
}

func TestBlockers(t *testing.T) {
	b := newBench()
	a := b.start(t)
	for _, tt := range []struct {
		target, name, ticket string
		status               int
	}{
		{"/v1/locks/a/b/blockers", "a/b", "", http.StatusOK},
		{"/v1/locks/blockers/blockers?session=0000000000000007", "blockers", "", http.StatusOK},
		{"/v1/locks/a/blockers?ticket=9.x", "a", "9.x", http.StatusOK},
		{"/v1/locks/a/blockers?ticket=9.x&session=0000000000000007", "", "", http.StatusBadRequest},
		{"/v1/locks/a/blockers?session=7", "", "", http.StatusBadRequest},
		{"/v1/locks/blockers", "blockers", "", http.StatusOK}, // a lock of that name
	} {
		b.locks.name, b.locks.ticket = "", ""
		rec := ask(t, a, http.MethodGet, tt.target, "")
		if rec.Code != tt.status || b.locks.name != tt.name || b.locks.ticket != tt.ticket {
			t.Errorf("GET %s: %d %s, for %q, %q; want %d, %q, %q", tt.target, rec.Code, rec.Body, b.locks.name, b.locks.ticket, tt.status, tt.name, tt.ticket)
		}
	}
}

func TestDeadlockIsAProblem(t *testing.T) {
	b := newBench()
	b.locks.fail = &lock.DeadlockError{Name: "y", Cycle: ring, Revision: 106}
	rec := ask(t, b.start(t), http.MethodPost, "/v1/locks/y/acquire", `{"session": "0000000000000007", "wait": "1s", "deadlock": "refuse"}`)
	if rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), `"code":"deadlock"`) || !strings.Contains(rec.Body.String(), `"cycle":[{`) || b.locks.request.Deadlock != lock.DeadlockRefuse {
		t.Errorf("acquire: %d %s", rec.Code, rec.Body)
	}
}
