package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/value"
)

// fakeBarriers remembers what it was asked.
type fakeBarriers struct {
	fail  error
	name  string
	owner string
	wait  time.Duration
	entry barrier.Entry
	exit  barrier.Exit
	left  int // others
}

var _ Barriers = (*fakeBarriers)(nil)

func (f *fakeBarriers) state(name string, closed bool) (barrier.State, error) {
	f.name = name
	return barrier.State{Name: name, Closed: closed, Owner: f.owner, Revision: 105, Repeated: true}, f.fail
}

func (f *fakeBarriers) Set(_ context.Context, name, owner, _ string) (barrier.State, error) {
	f.owner = owner
	return f.state(name, true)
}

func (f *fakeBarriers) Remove(_ context.Context, name string) (barrier.State, error) {
	return f.state(name, false)
}

func (f *fakeBarriers) Wait(_ context.Context, name string, wait time.Duration, _ func()) (barrier.State, error) {
	f.wait = wait
	return f.state(name, false)
}

func (f *fakeBarriers) Look(_ context.Context, name string, _ lock.Read) (barrier.State, error) {
	s, err := f.state(name, true)
	s.Owner, s.Since, s.Repeated = "ann", noon, false
	return s, err
}

func (f *fakeBarriers) Enter(_ context.Context, r barrier.Entry, wait time.Duration) (barrier.Place, error) {
	f.entry, f.wait = r, wait
	return barrier.Place{Name: r.Name, ID: "p1", Session: 7, Open: true, Count: r.Count, Participants: 3, TTL: 15 * time.Second, Deadline: noon, OneShot: true, Revision: 106}, f.fail
}

func (f *fakeBarriers) Leave(_ context.Context, x barrier.Exit, wait time.Duration) (barrier.Place, error) {
	f.exit, f.wait = x, wait
	return barrier.Place{Name: x.Name, ID: x.ID, Session: x.Session, Participants: f.left, Revision: 107, Repeated: true}, f.fail
}

func (f *fakeBarriers) Gathering(_ context.Context, name string, _ int, _ lock.Read) (barrier.Gathering, error) {
	return barrier.Gathering{Name: name, Count: 3, Total: 2, Revision: 108, Participants: []barrier.Participant{
		{ID: "p1", Session: 7, Count: 3, Owner: "ann", Door: "rest", Since: noon}, {ID: "p2", Session: 8, Door: "zookeeper", Since: noon},
	}}, f.fail
}

// fakeValues remembers what it was asked.
type fakeValues struct {
	fail    error
	data    string
	version int32
	guard   value.Guard
}

var _ Values = (*fakeValues)(nil)

func (f *fakeValues) Get(_ context.Context, name string, _ lock.Read) (value.Value, error) {
	return value.Value{Name: name, Data: []byte("\x00bytes\n"), Version: 3, Created: noon, Modified: noon, Czxid: 4, Mzxid: 5, Revision: 109}, f.fail
}

func (f *fakeValues) Put(_ context.Context, name string, data []byte, version int32, g value.Guard) (value.Value, error) {
	f.data, f.version, f.guard = string(data), version, g
	return value.Value{Name: name, Version: 4, Created: noon, Modified: noon, Czxid: 4, Mzxid: 6, Revision: 110}, f.fail
}

func (f *fakeValues) Delete(_ context.Context, _ string, version int32, g value.Guard) (int64, error) {
	f.version, f.guard = version, g
	return 111, f.fail
}

func TestBarrierRoutes(t *testing.T) {
	const id = "0000000000000007"
	tests := []struct {
		name, method, path, body string
		status                   int
		revision, contains       string
	}{
		{"look", "GET", "/v1/barriers/a/b?consistency=linearizable", "", 200, "105", `{"name":"a/b","state":"closed","owner":"ann","since":"2026-03-04T12:00:00.0000005Z","revision":105}`},
		{"set", "PUT", "/v1/barriers/a/b", "", 200, "105", `"state":"closed","repeated":true`},
		{"set with an owner", "PUT", "/v1/barriers/a/b", `{"owner":"ben"}`, 200, "105", `"owner":"ben"`},
		{"set by query", "PUT", "/v1/barriers/a/b?owner=ben", "", 200, "105", `"owner":"ben"`},
		{"remove", "DELETE", "/v1/barriers/a/b", "", 200, "105", `"state":"open"`},
		{"wait", "POST", "/v1/barriers/a/b/wait?wait=5s", "", 200, "105", `"name":"a/b","state":"open"`},
		{"look at a double barrier", "GET", "/v1/double-barriers/a/b?limit=2", "", 200, "108", `"state":"closed","count":3,"total":2,"participants":[{"id":"p1","session":"` + id + `","count":3,`},
		{"enter", "POST", "/v1/double-barriers/a/b/enter?count=3&wait=5s", "", 200, "106", `{"name":"a/b","id":"p1","state":"entered","session":"` + id + `","count":3,"participants":3,"ttl":"15s","deadline":`},
		{"enter with all", "POST", "/v1/double-barriers/a/b/enter", `{"count":3,"id":"p1","session":"` + id + `","generation":2,"wait":"forever","owner":"ann"}`, 200, "106", `"entered"`},
		{"leave", "POST", "/v1/double-barriers/a/b/leave?id=p1&session=" + id, "", 200, "107", `"state":"left"`},
		{"write", "PUT", "/v1/data/a/b", "bytes", 200, "110", `{"name":"a/b","version":4,"czxid":4,"mzxid":6,`},
		{"guarded write", "PUT", "/v1/data/a/b?if_token=9&lock=orders/42&version=3", "bytes", 200, "110", `"version":4`},
		{"delete", "DELETE", "/v1/data/a/b?if_token=9&lock=orders/42", "", 200, "111", `{"name":"a/b","state":"deleted","revision":111}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := []string{}
			if strings.HasPrefix(tt.path, "/v1/data/") {
				header = []string{"Content-Type", "application/octet-stream"}
			}
			rec := ask(t, newBench().start(t), tt.method, tt.path, tt.body, header...)
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.contains) {
				t.Errorf("answer = %d %s; want %d with %s", rec.Code, rec.Body, tt.status, tt.contains)
			}
			if got := rec.Header().Get("Lockkeeper-Revision"); got != tt.revision {
				t.Errorf("Lockkeeper-Revision = %q; want %q", got, tt.revision)
			}
		})
	}
}

func TestOthersAreStillThere(t *testing.T) {
	b := newBench()
	b.barriers.left = 2
	rec := ask(t, b.start(t), http.MethodPost, "/v1/double-barriers/a/leave?id=p1&session=0000000000000007", "")
	if rec.Code != http.StatusAccepted || !strings.Contains(rec.Body.String(), `"participants":2`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestBytesAreAnsweredAsTheyAre(t *testing.T) {
	rec := ask(t, newBench().start(t), http.MethodGet, "/v1/data/a/b?min_revision=5", "")
	if rec.Code != http.StatusOK || rec.Body.String() != "\x00bytes\n" {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
	want := map[string]string{
		"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Lockkeeper-Revision": "109",
		"Lockkeeper-Version": "3", "Lockkeeper-Czxid": "4", "Lockkeeper-Mzxid": "5", "Lockkeeper-Created": "2026-03-04T12:00:00.0000005Z",
	}
	for key, v := range want {
		if got := rec.Header().Get(key); got != v {
			t.Errorf("%s = %q; want %q", key, got, v)
		}
	}
}

func TestGuardIsUnderstood(t *testing.T) {
	b := newBench()
	a := b.start(t)
	ask(t, a, http.MethodPut, "/v1/data/a?if_token=9&lock=orders/42&version=0", "{not JSON", "Content-Type", "application/octet-stream")
	if diff := cmp.Diff(fakeValues{data: "{not JSON", guard: value.Guard{Lock: "orders/42", Token: 9}}, *b.values, cmp.AllowUnexported(fakeValues{})); diff != "" {
		t.Error(diff)
	}
	ask(t, a, http.MethodPut, "/v1/data/a", "", "Content-Type", "application/octet-stream")
	if diff := cmp.Diff(fakeValues{version: value.AnyVersion}, *b.values, cmp.AllowUnexported(fakeValues{})); diff != "" {
		t.Error(diff)
	}
	for path, field := range map[string]string{
		"/v1/data/a?if_token=9":         "lock",
		"/v1/data/a?lock=orders/42":     "if_token",
		"/v1/data/a?lock=x&if_token=x":  "if_token",
		"/v1/data/a?version=-1":         "version",
		"/v1/data/a?version=9999999999": "version",
		"/v1/data/a?token=9":            "token",
		"/v1/data/zookeeper/x":          "name",
		"/v1/data/a//b":                 "name",
		"/v1/data/a?lock=" + strings.Repeat("x", 2000) + "&if_token=1": "lock",
	} {
		m := wantProblem(t, ask(t, a, http.MethodDelete, path, ""), http.StatusBadRequest, "bad_request")
		if m["field"] != field {
			t.Errorf("%s: %v; want %s", path, m, field)
		}
	}
}

func TestWrongBarrierRequests(t *testing.T) {
	a := newBench().start(t)
	const enter, leave = "/v1/double-barriers/a/enter", "/v1/double-barriers/a/leave"
	for _, tt := range []struct{ path, body, field string }{
		{enter, ``, "count"},
		{enter, `{"count":0}`, "count"},
		{enter, `{"count":-2}`, "count"},
		{enter, `{"count":"2"}`, "count"},
		{enter, `{"count":2.5}`, "count"},
		{enter, `{"count":2,"session":"0000000000000007","ttl":"5s"}`, "session"},
		{enter, `{"count":2,"id":"` + strings.Repeat("x", 200) + `"}`, "id"},
		{leave, `{"count":2}`, "count"},
		{"/v1/barriers/a/wait", `{"wait":5}`, "wait"},
	} {
		m := wantProblem(t, ask(t, a, http.MethodPost, tt.path, tt.body), http.StatusBadRequest, "bad_request")
		if m["field"] != tt.field {
			t.Errorf("%s %s: %v; want %s", tt.path, tt.body, m, tt.field)
		}
	}
}

func TestValuesHaveALimitOfTheirOwn(t *testing.T) {
	b := newBench()
	b.Limits.MaxBodyBytes, b.Limits.MaxValueBytes = 10, 100
	a := b.start(t)
	exact := strings.Repeat("x", 100)
	if rec := ask(t, a, http.MethodPut, "/v1/data/a", exact, "Content-Type", "application/octet-stream"); rec.Code != http.StatusOK || b.values.data != exact {
		t.Errorf("exactly the limit: %d %s", rec.Code, rec.Body)
	}
	rec := ask(t, a, http.MethodPut, "/v1/data/a", exact+"x", "Content-Type", "application/octet-stream")
	wantProblem(t, rec, http.StatusRequestEntityTooLarge, "body_too_large")
}

func TestWhatProblemsKnowOfBarriersAndValues(t *testing.T) {
	holder := lock.Contender{Token: 11, Session: 8, State: lock.Held, Owner: "ben"}
	for _, tt := range []struct {
		err          error
		method, path string
		want         map[string]any
	}{
		{&barrier.ClosedError{Name: "a", Owner: "ann", Since: noon, Revision: 55}, "POST", "/v1/barriers/a/wait", map[string]any{"name": "a", "owner": "ann", "since": "2026-03-04T12:00:00.0000005Z", "revision": 55.0}},
		{&barrier.ClosedError{Name: "a", Count: 3, Participants: 2, Revision: 55}, "POST", "/v1/double-barriers/a/enter?count=3", map[string]any{"name": "a", "count": 3.0, "participants": 2.0, "revision": 55.0}},
		{&barrier.CountError{Name: "a", Count: 3, Others: 2}, "POST", "/v1/double-barriers/a/enter?count=3", map[string]any{"name": "a", "count": 2.0, "revision": 99.0}},
		{&value.NotHolderError{Lock: "l", Token: 9, Holder: holder, Revision: 55}, "DELETE", "/v1/data/a", map[string]any{
			"name": "l", "token": 9.0, "revision": 55.0, "holder": map[string]any{"token": 11.0, "session": "0000000000000008", "state": "held", "position": 0.0, "owner": "ben"},
		}},
		{&value.NotHolderError{Lock: "l", Token: 9, Revision: 55}, "DELETE", "/v1/data/a", map[string]any{"name": "l", "token": 9.0, "revision": 55.0}},
		{&value.VersionError{Name: "a", Version: 3, Actual: 4, Revision: 55}, "DELETE", "/v1/data/a", map[string]any{"name": "a", "version": 4.0, "revision": 55.0}},
		{&value.VersionError{Name: "a", Version: 3, Actual: -1, Revision: 55}, "DELETE", "/v1/data/a", map[string]any{"name": "a", "revision": 55.0}},
	} {
		b := newBench()
		b.barriers.fail, b.values.fail = tt.err, tt.err
		m := decoded(t, ask(t, b.start(t), tt.method, tt.path, ""))
		for _, key := range []string{"type", "title", "status", "code", "detail"} {
			delete(m, key)
		}
		if diff := cmp.Diff(tt.want, m); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.err, diff)
		}
	}
}
