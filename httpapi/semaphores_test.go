package httpapi

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/lock"
)

func TestPermitsSayWhatWasAsked(t *testing.T) {
	b := newBench()
	a := b.start(t)
	if rec := ask(t, a, http.MethodPost, "/v1/semaphores/a/b/acquire", `{"permits":3,"limit":8,"session":"00000000000000ff","generation":4,"owner":"ann","request_id":"q"}`); rec.Code != http.StatusOK {
		t.Fatalf("answer = %d %s", rec.Code, rec.Body)
	}
	want := lock.PermitRequest{
		Request: lock.Request{Name: "a/b", Session: 255, Generation: 4, Owner: "ann", RequestID: "q", Door: "rest"},
		Permits: 3, Limit: 8,
	}
	if diff := cmp.Diff(want, b.locks.permits); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	ask(t, a, http.MethodPost, "/v1/semaphores/a/keepalive", `{"session":"00000000000000ff","token":9}`)
	if b.locks.gave.Token != 9 {
		t.Errorf("token %d", b.locks.gave.Token)
	}
}

func TestPermitsRefuseInput(t *testing.T) {
	a := newBench().start(t)
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", "/v1/semaphores/a/acquire", `{"permits":0}`, "permits"},
		{"POST", "/v1/semaphores/a/acquire", `{"permits":"3"}`, "permits"},
		{"POST", "/v1/semaphores/a/acquire", `{"permits":1.5}`, "permits"},
		{"POST", "/v1/semaphores/a/acquire", `{"permits":2147483648}`, "permits"},
		{"POST", "/v1/semaphores/a/acquire?limit=-1", "", "limit"},
		{"POST", "/v1/semaphores/a/acquire", `{"compat":"all"}`, "compat"},
		{"POST", "/v1/semaphores/a/release", `{"token":3}`, "session"},
		{"POST", "/v1/semaphores/a/release", `{"session":"00000000000000ff","reason":"x"}`, "reason"},
		{"POST", "/v1/semaphores/a/keepalive", "", "session"},
		{"PUT", "/v1/semaphores/a", "", "limit"},
		{"PUT", "/v1/semaphores/a", `{"limit":0}`, "limit"},
		{"POST", "/v1/locks/a/acquire", `{"permits":1}`, "permits"},
	} {
		m := wantProblem(t, ask(t, a, c.method, c.path, c.body), http.StatusBadRequest, "bad_request")
		if m["field"] != c.field {
			t.Errorf("%s %s %s: field %v; want %q", c.method, c.path, c.body, m["field"], c.field)
		}
	}
}

func TestPermitsProblems(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{lock.ErrNoPermits, http.StatusLocked, "no_permits"},
		{lock.ErrNoLimit, http.StatusConflict, "no_limit"},
		{lock.ErrLimitDiffers, http.StatusConflict, "limit_differs"},
		{lock.ErrTooManyPermits, http.StatusConflict, "too_many_permits"},
	} {
		b := newBench()
		b.locks.fail = &lock.PermitsError{Err: c.err, Name: "a", Permits: 2, Asked: 7, Limit: 4, InUse: 3, Waiting: 1, Revision: 99}
		m := wantProblem(t, ask(t, b.start(t), http.MethodPost, "/v1/semaphores/a/acquire", `{"permits":2}`), c.status, c.code)
		if m["limit"] != 4.0 || m["in_use"] != 3.0 || m["waiting"] != 1.0 || m["permits"] != 2.0 || m["name"] != "a" || m["revision"] != 99.0 {
			t.Errorf("%s: %v", c.code, m)
		}
	}
}
