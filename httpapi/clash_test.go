package httpapi

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNamesThatEndAsActions: a name may end in what is an action elsewhere. It can be taken, looked at,
// and acted on as any other.
func TestNamesThatEndAsActions(t *testing.T) {
	a, _ := overMember(t)
	post := func(path, body string, status int, want map[string]any) map[string]any {
		t.Helper()
		return wantFields(t, ask(t, a, http.MethodPost, path, body), status, want)
	}
	get := func(path string, want map[string]any) map[string]any {
		t.Helper()
		return wantFields(t, ask(t, a, http.MethodGet, path+"?consistency=linearizable", ""), http.StatusOK, want)
	}
	for _, name := range []string{"jobs", "jobs/blockers", "jobs/acquire"} {
		post("/v1/locks/"+name+"/acquire", `{"ttl":"30s","owner":"`+name+`"}`, http.StatusOK, map[string]any{"name": name, "state": "held"})
	}
	get("/v1/locks/jobs/blockers/", map[string]any{"name": "jobs/blockers", "state": "held"})
	get("/v1/locks/jobs/acquire", map[string]any{"name": "jobs/acquire", "state": "held"})
	for path, name := range map[string]string{"jobs/blockers": "jobs", "jobs/blockers/blockers": "jobs/blockers"} {
		chain := get("/v1/locks/"+path, map[string]any{"name": name, "cycle": false})["chain"].([]any)
		if len(chain) != 1 || chain[0].(map[string]any)["owner"] != name {
			t.Errorf("GET %s: %v", path, chain)
		}
	}
	wantProblem(t, ask(t, a, http.MethodGet, "/v1/locks/jobs/", ""), http.StatusBadRequest, "bad_request")
	wantProblem(t, ask(t, a, http.MethodPost, "/v1/locks/jobs/acquire/", ""), http.StatusNotFound, "unknown_route")

	for _, name := range []string{"lead", "lead/observe"} {
		post("/v1/elections/"+name+"/campaign", `{"ttl":"30s","value":"`+name+`"}`, http.StatusOK, map[string]any{"name": name, "state": "held"})
	}
	get("/v1/elections/lead/observe/", map[string]any{"name": "lead/observe", "state": "leader"})
	s := httptest.NewServer(a.Handler())
	defer s.Close()
	for path, name := range map[string]string{"lead/observe": "lead", "lead/observe/observe": "lead/observe"} {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/elections/"+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		}
		if !strings.Contains(lines.Text(), `"name":"`+name+`"`) || !strings.Contains(lines.Text(), `"value":"`+name+`"`) {
			t.Errorf("GET %s tells %q", path, lines.Text())
		}
		cancel()
		_ = resp.Body.Close()
	}
}
