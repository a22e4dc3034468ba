package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

func TestBadInputNamesItsField(t *testing.T) {
	const acquire, release, keepalive = "POST /v1/locks/a/acquire", "POST /v1/locks/a/release", "POST /v1/locks/a/keepalive"
	tests := []struct {
		name, request, body string
		field, says         string // says: part of the problem's detail
	}{
		{"no JSON", acquire, `{"ttl"`, "body", "not JSON"},
		{"garbage behind", acquire, `{} {}`, "body", "not JSON"},
		{"no object", acquire, `[1]`, "body", "not a JSON object"},
		{"unknown field", acquire, `{"tll":"30s"}`, "tll", "no field of this request"},
		{"other case", acquire, `{"TTL":"30s"}`, "TTL", "no field of this request"},
		{"another request's field", acquire, `{"token":1}`, "token", "no field of this request"},
		{"a field twice", acquire, `{"ttl":"30s","ttl":"40s"}`, "ttl", "twice"},
		{"null", acquire, `{"ttl":null}`, "ttl", "is null"},
		{"a number for a duration", acquire, `{"ttl":30}`, "ttl", `"30s"`},
		{"a bare number in text", acquire, `{"ttl":"30"}`, "ttl", `"30s"`},
		{"a number for a wait", acquire, `{"wait":0}`, "wait", `"30s"`},
		{"a negative wait", acquire, `{"wait":"-1s"}`, "wait", "not a duration"},
		{"too long a wait", acquire, `{"wait":"2h"}`, "wait", "1h0m0s"},
		{"a number for a text", acquire, `{"owner":7}`, "owner", "not a string"},
		{"a session id", acquire, `{"session":"7"}`, "session", "not a session id"},
		{"a session id in upper case", acquire, `{"session":"19A0000000000000"}`, "session", "not a session id"},
		{"a session and a ttl", acquire, `{"session":"0000000000000007","ttl":"5s"}`, "session", "beside"},
		{"a long owner", acquire, `{"owner":"` + strings.Repeat("x", 1025) + `"}`, "owner", "1025 bytes"},
		{"a long request id", acquire, `{"request_id":"` + strings.Repeat("x", 129) + `"}`, "request_id", "129 bytes"},
		{"big labels", acquire, `{"labels":{"k":"` + strings.Repeat("x", 4096) + `"}}`, "labels", "4097 bytes"},
		{"big metadata", acquire, `{"metadata":{"k":"` + strings.Repeat("x", 8192) + `"}}`, "metadata", "8193 bytes"},
		{"labels of numbers", acquire, `{"labels":{"k":1}}`, "labels", "object of strings"},
		{"labels as text", acquire, `{"labels":"k"}`, "labels", "object of strings"},
		{"query beside a body", acquire + "?ttl=5s", `{}`, "query", "beside a body"},
		{"unknown parameter", acquire + "?tll=5s", "", "tll", "no parameter"},
		{"a parameter twice", acquire + "?ttl=5s&ttl=6s", "", "ttl", "more than once"},
		{"labels as a parameter", acquire + "?labels=a", "", "labels", "no parameter"},
		{"a broken query", acquire + "?ttl=%zz", "", "query", "well formed"},
		{"nothing to release", release, "", "session", "missing"},
		{"a reason without force", release, `{"session":"0000000000000007","reason":"x"}`, "reason", "forced release"},
		{"force as text", release, `{"force":"true"}`, "force", "neither true nor false"},
		{"a token as text", release, `{"session":"0000000000000007","token":"9"}`, "token", "not a number"},
		{"a broken token", release, `{"session":"0000000000000007","token":9.5}`, "token", "whole number"},
		{"a token too high", release, `{"session":"0000000000000007","token":9007199254740992}`, "token", "whole number"},
		{"nobody to keep", keepalive, "", "session", "missing"},
		{"no token to check", "POST /v1/fences/a/check", "", "token", "missing"},
		{"no name", "POST /v1/locks//acquire", "", "name", "missing"},
		{"no name to look at", "GET /v1/locks/", "", "name", "missing"},
		{"a double slash", "POST /v1/locks/a//b/acquire", "", "name", "cannot name"},
		{"a dot", "POST /v1/locks/a/../acquire", "", "name", "cannot name"},
		{"a slash behind", "GET /v1/locks/a/", "", "name", "cannot name"},
		{"a control character", "GET /v1/locks/a%00", "", "name", "cannot name"},
		{"no UTF-8", "GET /v1/locks/a%ff", "", "name", "cannot name"},
		{"the tree's own", "POST /v1/locks/zookeeper/quota/acquire", "", "name", "keeps for itself"},
		{"a long name", "GET /v1/locks/" + strings.Repeat("x", 1025), "", "name", "1025 bytes"},
		{"a broken id", "GET /v1/sessions/xyz", "", "id", "not a session id"},
		{"a prefix with a slash", "GET /v1/locks?prefix=/a", "", "prefix", "slash"},
		{"a page too big", "GET /v1/locks?limit=1001", "", "limit", "from 1 to 1000"},
		{"an empty page", "GET /v1/sessions?limit=0", "", "limit", "from 1 to 1000"},
		{"another consistency", "GET /v1/locks/a?consistency=strong", "", "consistency", "not known"},
		{"a broken revision", "GET /v1/locks/a?min_revision=x", "", "min_revision", "not a revision"},
		{"a broken event id", "GET /v1/events?last_event_id=7", "", "last_event_id", "not the id"},
		{"more than a path", "DELETE /v1/tickets/t?wait=1s", "", "wait", "no parameter"},
		{"no ticket", "GET /v1/tickets/", "", "ticket", "missing"},
	}
	a := newBench().start(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.request, " ")
			m := wantProblem(t, ask(t, a, method, path, tt.body), http.StatusBadRequest, "bad_request")
			if m["field"] != tt.field || !strings.Contains(m["detail"].(string), tt.says) || m["fix"] == "" {
				t.Errorf("problem = %v; want field %q and %q in its detail", m, tt.field, tt.says)
			}
		})
	}
}

func TestStrayRequests(t *testing.T) {
	tests := []struct {
		name, method, path string
		status             int
		code, allow        string
	}{
		{"nothing there", "GET", "/v2", 404, "unknown_route", ""},
		{"the root", "GET", "/", 404, "unknown_route", ""},
		{"no action", "POST", "/v1/locks/a", 404, "unknown_route", ""},
		{"another action", "POST", "/v1/locks/a/steal", 404, "unknown_route", ""},
		{"another fence action", "POST", "/v1/fences/a/acquire", 404, "unknown_route", ""},
		{"a slash behind", "POST", "/v1/sessions/", 404, "unknown_route", ""},
		{"a lock's method", "PUT", "/v1/locks/a", 405, "method_not_allowed", "POST, GET"},
		{"a list's method", "DELETE", "/v1/sessions", 405, "method_not_allowed", "POST, GET"},
		{"no health to change", "POST", "/healthz", 405, "method_not_allowed", "GET"},
	}
	a := newBench().start(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := ask(t, a, tt.method, tt.path, "")
			m := wantProblem(t, rec, tt.status, tt.code)
			if got := rec.Header().Get("Allow"); got != tt.allow {
				t.Errorf("Allow = %q; want %q", got, tt.allow)
			}
			if list, _ := m["routes"].([]any); tt.status == 404 && len(list) != len(routes()) {
				t.Errorf("routes = %v; want them all", list)
			}
		})
	}
}

func TestBodiesThatAreNotTaken(t *testing.T) {
	b := newBench()
	b.Limits.MaxBodyBytes = 100
	a := b.start(t)
	const path = "/v1/locks/a/acquire"
	long := `{"owner":"` + strings.Repeat("x", 100) + `"}`
	exact := `{"owner":"` + strings.Repeat("x", 88) + `"}`

	rec := ask(t, a, http.MethodPost, path, long)
	wantProblem(t, rec, http.StatusRequestEntityTooLarge, "body_too_large")
	if rec.Header().Get("Connection") != "close" {
		t.Errorf("Connection = %q; want it closed", rec.Header().Get("Connection"))
	}
	if rec := ask(t, a, http.MethodPost, path, exact); rec.Code != http.StatusOK {
		t.Errorf("a body of exactly the limit: %d %s", rec.Code, rec.Body)
	}
	for media, want := range map[string]int{
		"":                                  http.StatusOK,
		"application/json":                  http.StatusOK,
		"application/json; charset=utf-8":   http.StatusOK,
		"application/x-www-form-urlencoded": http.StatusOK, // what curl -d says
		"application/vnd.x+json":            http.StatusOK,
		"text/xml":                          http.StatusUnsupportedMediaType,
		"application/":                      http.StatusUnsupportedMediaType,
	} {
		if rec := ask(t, a, http.MethodPost, path, `{}`, "Content-Type", media); rec.Code != want {
			t.Errorf("Content-Type %q: %d %s; want %d", media, rec.Code, rec.Body, want)
		}
	}
}

func TestWebPagesOfOthersMayNotChangeAnything(t *testing.T) {
	a := newBench().start(t)
	rec := ask(t, a, http.MethodPost, "/v1/locks/a/release?force=true", "", "Sec-Fetch-Site", "cross-site")
	wantProblem(t, rec, http.StatusForbidden, "cross_origin")
	rec = ask(t, a, http.MethodPost, "/v1/locks/a/release?force=true", "", "Origin", "http://evil.example")
	wantProblem(t, rec, http.StatusForbidden, "cross_origin")
	if rec := ask(t, a, http.MethodPost, "/v1/locks/a/acquire", "", "Sec-Fetch-Site", "same-origin"); rec.Code != http.StatusOK {
		t.Errorf("same origin: %d %s; want 200", rec.Code, rec.Body)
	}
}
