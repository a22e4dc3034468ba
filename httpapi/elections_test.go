package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
)

// overMember returns an API of a real member.
func overMember(t *testing.T) (*API, *membertest.Member) {
	t.Helper()
	m := membertest.One(t)
	a, err := New(Config{
		Sessions: m.Sessions, Locks: m.Locks, Elections: m.Elections, Barriers: m.Barriers, Subscribe: Subscriber(m.Locks.Subscribe),
		Health: func() Health { return Health{} }, Revision: m.Store.Revision, Member: m.Quorum.ID(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, m
}

// wantFields compares some fields of an answer.
func wantFields(t *testing.T, rec *httptest.ResponseRecorder, status int, want map[string]any) map[string]any {
	t.Helper()
	got := decoded(t, rec)
	if rec.Code != status {
		t.Fatalf("status %d %s; want %d", rec.Code, rec.Body, status)
	}
	for k, v := range want {
		if fmt.Sprint(got[k]) != fmt.Sprint(v) {
			t.Errorf("%s = %v; want %v in %s", k, got[k], v, rec.Body)
		}
	}
	return got
}

func TestElections(t *testing.T) {
	a, m := overMember(t)
	const at = "/v1/elections/sched/a/"
	post := func(action, body string) *httptest.ResponseRecorder {
		t.Helper()
		return ask(t, a, http.MethodPost, at+action, body)
	}
	get := func() *httptest.ResponseRecorder {
		t.Helper()
		return ask(t, a, http.MethodGet, "/v1/elections/sched/a?consistency=linearizable", "")
	}
	number := func(m map[string]any, key string) string { return fmt.Sprintf("%.0f", m[key]) }

	wantFields(t, get(), http.StatusOK, map[string]any{"name": "sched/a", "state": "none", "total": 0, "leader": nil})
	one := wantFields(t, post("campaign", `{"value":"one","ttl":"30s","request_id":"r"}`), http.StatusOK, map[string]any{"state": "held", "value": "one", "one_shot": true})
	session, token := one["session"].(string), number(one, "token")
	wantFields(t, post("campaign", `{"value":"one","ttl":"30s","request_id":"r"}`), http.StatusOK, map[string]any{"session": session, "repeated": true})
	wantProblem(t, post("campaign", `{"value":"x"}`), http.StatusLocked, "lock_held")
	two := wantFields(t, post("enqueue", `{"value":"two","priority":5,"owner":"ann"}`), http.StatusAccepted, map[string]any{"state": "waiting", "value": "two", "priority": 5, "position": 1})
	three := wantFields(t, ask(t, a, http.MethodPost, at+"enqueue?value=three&priority=1&compat=latch", ""), http.StatusAccepted, nil)
	z, err := m.Sessions.Open(t.Context(), lease.Options{Labels: map[string]string{"door": "zookeeper"}})
	if err != nil {
		t.Fatal(err)
	}
	foreign := wantFields(t, post("enqueue", `{"session":"`+lease.FormatID(z.Session.ID)+`","value":"foreign"}`), http.StatusAccepted, nil)

	seen := wantFields(t, get(), http.StatusOK, map[string]any{"state": "leader", "total": 4})
	if leader := seen["leader"].(map[string]any); leader["value"] != "one" || number(leader, "token") != token || leader["door"] != nil || leader["owner"] != nil {
		t.Errorf("leader %v", leader)
	}
	if list := seen["candidates"].([]any); len(list) != 3 || list[0].(map[string]any)["priority"] != 5.0 || list[0].(map[string]any)["owner"] != "ann" {
		t.Errorf("candidates %v", list)
	}
	wantFields(t, ask(t, a, http.MethodGet, "/v1/locks/sched/a", ""), http.StatusOK, map[string]any{"state": "held", "contenders": 4})

	by := `{"session":"` + session + `","token":` + token
	wantFields(t, post("proclaim", by+`,"value":"uno"}`), http.StatusOK, map[string]any{"state": "held", "token": one["token"]})
	wantProblem(t, post("proclaim", `{"session":"`+two["session"].(string)+`","value":"x"}`), http.StatusConflict, "not_held")
	wantFields(t, post("keepalive", `{"session":"`+session+`"}`), http.StatusOK, map[string]any{"state": "held"})

	wantProblem(t, post("handover", by+`,"candidate":12345}`), http.StatusNotFound, "no_candidate")
	for _, to := range []string{number(foreign, "token"), number(two, "token"), token} {
		if p := wantProblem(t, post("handover", by+`,"candidate":`+to+`}`), http.StatusBadRequest, "bad_request"); p["field"] != "candidate" {
			t.Errorf("problem %v", p)
		}
	}
	if p := wantProblem(t, post("handover", by+`}`), http.StatusBadRequest, "bad_request"); p["field"] != "candidate" {
		t.Errorf("problem %v", p)
	}
	wantFields(t, post("resign", `{"session":"`+foreign["session"].(string)+`"}`), http.StatusOK, nil)
	hand := by + `,"candidate":` + number(two, "token") + `}`
	done := wantFields(t, post("handover", hand), http.StatusOK, map[string]any{"state": "released", "repeated": nil})
	wantFields(t, post("handover", hand), http.StatusOK, map[string]any{"repeated": true, "token": done["token"]})
	led := wantFields(t, ask(t, a, http.MethodGet, "/v1/tickets/"+two["ticket"].(string), ""), http.StatusOK, map[string]any{"state": "held", "token": done["token"]})
	wantFields(t, post("resign", `{"session":"`+led["session"].(string)+`"}`), http.StatusOK, map[string]any{"state": "released"})
	if rest := wantFields(t, get(), http.StatusOK, map[string]any{"total": 1}); number(rest["leader"].(map[string]any), "token") <= number(three, "token") {
		t.Errorf("who leads next has no new token: %v", rest)
	}
	wantFields(t, post("resign", `{"force":true,"reason":"test"}`), http.StatusOK, nil)

	for field, body := range map[string]string{
		"priority": `{"priority":1000001}`, "compat": `{"compat":"kazoo"}`, "wait": `{"wait":5}`, "candidate": `{"candidate":1}`,
	} {
		if p := wantProblem(t, post("campaign", body), http.StatusBadRequest, "bad_request"); p["field"] != field {
			t.Errorf("%s: problem %v", body, p)
		}
	}
	if p := wantProblem(t, post("campaign", `{"priority":"5"}`), http.StatusBadRequest, "bad_request"); p["field"] != "priority" {
		t.Errorf("problem %v", p)
	}
}

// TestObserveElection reads the events of one leader after the other.
func TestObserveElection(t *testing.T) {
	a, _ := overMember(t)
	s := httptest.NewServer(a.Handler())
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), quorumtest.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/elections/n/observe", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer cancel() // first
	lines := bufio.NewScanner(resp.Body)
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	next := func(event string) map[string]any {
		t.Helper()
		name := ""
		for lines.Scan() {
			if n, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = n
			}
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var m map[string]any
			if err := json.Unmarshal([]byte(data), &m); err != nil || name != event {
				t.Fatalf("event %q with %s: %v; want %q", name, data, err, event)
			}
			if err := doc.Components.Schemas["Observation"].Value.VisitJSON(m, openapi3.EnableJSONSchema2020()); err != nil {
				t.Errorf("%s is not described: %v", data, err)
			}
			return m
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return nil
	}
	next("none")
	one := wantFields(t, ask(t, a, http.MethodPost, "/v1/elections/n/campaign", `{"value":"one"}`), http.StatusOK, nil)
	if m := next("leader"); m["leader"].(map[string]any)["value"] != "one" || m["leader"].(map[string]any)["since"] != one["since"] || m["state"] != "leader" {
		t.Errorf("event %v", m)
	}
	wantFields(t, ask(t, a, http.MethodPost, "/v1/elections/n/enqueue", `{"value":"two","priority":2}`), http.StatusAccepted, nil)
	next("leader")
	if m := next("asked"); m["asked"].(map[string]any)["value"] != "two" {
		t.Errorf("event %v", m)
	}
	wantFields(t, ask(t, a, http.MethodPost, "/v1/elections/n/resign", `{"session":"`+one["session"].(string)+`"}`), http.StatusOK, nil)
	if m := next("leader"); m["leader"].(map[string]any)["value"] != "two" || m["asked"] != nil {
		t.Errorf("event %v", m)
	}
}

// TestNoElections: a door without them says so.
func TestNoElections(t *testing.T) {
	a := newBench().start(t)
	for _, r := range []string{"campaign", "enqueue", "proclaim", "handover"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/elections/n/"+r, http.NoBody)
		rec := httptest.NewRecorder()
		a.Handler().ServeHTTP(rec, req)
		wantProblem(t, rec, http.StatusNotFound, "unknown_route")
	}
}
