package sidecar

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// holds returns what the sidecar says that requests hold, as KIND NAME TOKEN.
func held(t *testing.T, r *running) string {
	t.Helper()
	var list []string
	all, _ := good(t, http.MethodGet, r.url+"/state", "").fields["holds"].([]any)
	for _, one := range all {
		h, _ := one.(map[string]any)
		token, _ := h["token"].(float64)
		list = append(list, fmt.Sprint(h["kind"], " ", h["name"], " ", int64(token)))
	}
	return strings.Join(list, "; ")
}

// TestLocksByREST: what a member takes by REST the sidecar takes, in the application's session, with
// what the application has left out.
func TestLocksByREST(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Owner = "app-7" })
	n := name(t, "l")
	at := r.url + "/v1/locks/" + n
	for _, body := range []string{"", "{}", ` { "wait" : "1s" } `} {
		a := good(t, http.MethodPost, at+"/acquire", body)
		session := good(t, http.MethodPost, r.url+"/v1/sessions", "")
		if a.token() == 0 || a.string("owner") != "app-7" || a.string("session") != session.string("session") {
			t.Errorf("acquire %q: %s in session %s", body, a.text, session.text)
		}
		if got, want := held(t, r), fmt.Sprint("lock ", n, " ", a.token()); got != want {
			t.Errorf("holds %q; want %q", got, want)
		}
		if keep := good(t, http.MethodPost, at+"/keepalive", body[:0]); keep.token() != a.token() {
			t.Errorf("keepalive: %s", keep.text)
		}
		if gone := good(t, http.MethodPost, at+"/release", strings.ReplaceAll(body, `"wait" : "1s"`, "")); gone.token() != a.token() || gone.string("state") != "released" {
			t.Errorf("release %q: %s", body, gone.text)
		}
		if got := held(t, r); got != "" {
			t.Errorf("holds %q after the release", got)
		}
	}
	a := good(t, http.MethodPost, at+"/acquire?wait=1s&reason=by+query", "")
	if a.string("reason") != "by query" {
		t.Errorf("acquire by query: %s", a.text)
	}
	if free := good(t, http.MethodGet, r.url+"/v1/locks/"+n, ""); !strings.Contains(free.text, fmt.Sprint(a.token())) {
		t.Errorf("the lock: %s", free.text)
	}
	good(t, http.MethodPost, at+"/release?token="+fmt.Sprint(a.token()), "")
	free(t, n)

	// A reentrant lock is held until its last release.
	first := good(t, http.MethodPost, at+"/acquire", `{"reentrant":true}`)
	if again := good(t, http.MethodPost, at+"/acquire", `{"reentrant":true}`); again.token() != first.token() {
		t.Errorf("again: %s after %s", again.text, first.text)
	}
	good(t, http.MethodPost, at+"/release", "")
	if held(t, r) == "" {
		t.Error("a reentrant lock is forgotten at its first release")
	}
	good(t, http.MethodPost, at+"/release", "")
	if got := held(t, r); got != "" {
		t.Errorf("holds %q after the last release", got)
	}

	// A read lock, held by two.
	read := good(t, http.MethodPost, at+"/acquire", `{"mode":"write"}`)
	down := good(t, http.MethodPost, at+"/downgrade", "")
	if got, want := held(t, r), fmt.Sprint("lock ", n, " ", down.token()); got != want {
		t.Errorf("holds %q after %s and %s; want %q", got, read.text, down.text, want)
	}
	good(t, http.MethodPost, at+"/release", "")
}

// TestTheOwnSession: the application's own session and request id are respected, and nothing is
// looked after that is not in the sidecar's session.
func TestTheOwnSession(t *testing.T) {
	t.Parallel()
	r := start(t)
	n := name(t, "l")
	own := good(t, http.MethodPost, member+"/v1/sessions", `{"ttl":"1m"}`).string("session")
	a := good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/acquire", fmt.Sprintf(`{"session":%q,"request_id":"mine"}`, own))
	if a.string("session") != own {
		t.Errorf("acquire: %s; want session %s", a.text, own)
	}
	if got := held(t, r); got != "" {
		t.Errorf("holds %q", got)
	}
	again := good(t, http.MethodPost, member+"/v1/locks/"+n+"/acquire", fmt.Sprintf(`{"session":%q,"request_id":"mine"}`, own))
	if again.token() != a.token() || again.fields["repeated"] != true {
		t.Errorf("the same request again: %s", again.text)
	}
	good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/release", fmt.Sprintf(`{"session":%q}`, own))
	free(t, n)

	// One request id, asked for twice, is one hold.
	first := good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/acquire", `{"request_id":"twice"}`)
	if second := good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/acquire", `{"request_id":"twice"}`); second.token() != first.token() {
		t.Errorf("twice: %s and %s", first.text, second.text)
	}
	good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/release", `{"request_id":"twice"}`)
	free(t, n)
	if got := held(t, r); got != "" {
		t.Errorf("holds %q", got)
	}
}

// TestTicketsByREST: a place in a queue, by its ticket.
func TestTicketsByREST(t *testing.T) {
	t.Parallel()
	r := start(t)
	n := name(t, "l")
	other := good(t, http.MethodPost, member+"/v1/locks/"+n+"/acquire", `{"ttl":"1m"}`)
	place := ask(t, http.MethodPost, r.url+"/v1/locks/"+n+"/enqueue", "")
	if place.status != http.StatusAccepted || place.string("ticket") == "" {
		t.Fatalf("enqueue: %d %s", place.status, place.text)
	}
	if got := held(t, r); got != "" {
		t.Errorf("holds %q while it waits", got)
	}
	good(t, http.MethodPost, member+"/v1/locks/"+n+"/release", fmt.Sprintf(`{"session":%q}`, other.string("session")))
	a := good(t, http.MethodGet, r.url+"/v1/tickets/"+place.string("ticket")+"?wait=10s", "")
	if got, want := held(t, r), fmt.Sprint("lock ", n, " ", a.token()); got != want {
		t.Errorf("holds %q; want %q", got, want)
	}
	good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/release", "")

	other = good(t, http.MethodPost, member+"/v1/locks/"+n+"/acquire", `{"ttl":"1m"}`)
	place = ask(t, http.MethodPost, r.url+"/v1/locks/"+n+"/enqueue", "")
	good(t, http.MethodDelete, r.url+"/v1/tickets/"+place.string("ticket"), "")
	if got := contenders(t, n); got != 1 {
		t.Errorf("%d contenders after one has left", got)
	}
	good(t, http.MethodPost, member+"/v1/locks/"+n+"/release", fmt.Sprintf(`{"session":%q}`, other.string("session")))
}

// TestAllRecipesByREST: several locks, semaphores, elections, barriers, fences and data.
func TestAllRecipesByREST(t *testing.T) {
	t.Parallel()
	r := start(t)
	a, b := name(t, "a"), name(t, "b")
	locks := fmt.Sprintf(`{"names":[%q,%q]}`, a, b)
	good(t, http.MethodPost, r.url+"/v1/multilocks/acquire", locks)
	if got := held(t, r); !strings.Contains(got, a) || !strings.Contains(got, b) {
		t.Errorf("holds %q", got)
	}
	good(t, http.MethodPost, r.url+"/v1/multilocks/release", locks)

	s := name(t, "s")
	good(t, http.MethodPut, r.url+"/v1/semaphores/"+s, `{"limit":3}`)
	p := good(t, http.MethodPost, r.url+"/v1/semaphores/"+s+"/acquire", `{"permits":2}`)
	if got, want := held(t, r), fmt.Sprint("semaphore ", s, " ", p.token()); got != want {
		t.Errorf("holds %q; want %q", got, want)
	}
	q := good(t, http.MethodPost, r.url+"/v1/semaphores/"+s+"/acquire", "")
	problem(t, ask(t, http.MethodPost, r.url+"/v1/semaphores/"+s+"/release", `{"token":1}`), http.StatusConflict, "not_held")
	good(t, http.MethodPost, r.url+"/v1/semaphores/"+s+"/release", fmt.Sprintf(`{"token":%d}`, q.token()))
	good(t, http.MethodPost, r.url+"/v1/semaphores/"+s+"/keepalive", fmt.Sprintf(`{"token":%d}`, p.token()))
	good(t, http.MethodPost, r.url+"/v1/semaphores/"+s+"/release", "") // the only one: its token is known

	e := name(t, "e")
	term := good(t, http.MethodPost, r.url+"/v1/elections/"+e+"/campaign", `{"value":"first"}`)
	if got, want := held(t, r), fmt.Sprint("election ", e, " ", term.token()); got != want {
		t.Errorf("holds %q; want %q", got, want)
	}
	good(t, http.MethodPost, r.url+"/v1/elections/"+e+"/proclaim", `{"value":"second"}`)
	if view := good(t, http.MethodGet, r.url+"/v1/elections/"+e, ""); !strings.Contains(view.text, `"second"`) {
		t.Errorf("the election: %s", view.text)
	}
	good(t, http.MethodPost, r.url+"/v1/elections/"+e+"/resign", "")
	if got := held(t, r); got != "" {
		t.Errorf("holds %q", got)
	}

	d := name(t, "d")
	good(t, http.MethodPost, r.url+"/v1/double-barriers/"+d+"/enter", `{"count":1,"id":"me"}`)
	good(t, http.MethodPost, r.url+"/v1/double-barriers/"+d+"/leave", `{"id":"me"}`)
	gate := r.url + "/v1/barriers/" + name(t, "gate")
	good(t, http.MethodPut, gate, "")
	good(t, http.MethodDelete, gate, "")
	good(t, http.MethodPost, gate+"/wait", "")

	f := name(t, "f")
	good(t, http.MethodPost, r.url+"/v1/fences/"+f+"/check", fmt.Sprintf(`{"token":%d}`, term.token()))
	problem(t, ask(t, http.MethodPost, r.url+"/v1/fences/"+f+"/check", `{"token":1}`), http.StatusPreconditionFailed, "stale_token")

	v := r.url + "/v1/data/" + name(t, "v")
	put := good(t, http.MethodPut, v, "one")
	if got := good(t, http.MethodGet, v, ""); got.text != "one" || got.header.Get("Lockkeeper-Version") != fmt.Sprint(put.fields["version"]) {
		t.Errorf("get: %q %v after %s", got.text, got.header, put.text)
	}
	good(t, http.MethodPut, v+"?version=0", "two")
	if late := ask(t, http.MethodDelete, v+"?version=0", ""); late.status/100 != 4 {
		t.Errorf("delete what has changed: %d %s", late.status, late.text)
	}
	good(t, http.MethodDelete, v, "")
}

// TestWhatIsRefused: what only operators do, web pages, and names that are none.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.MaxBody = 1000 })
	id := good(t, http.MethodPost, r.url+"/v1/sessions", "").string("session")
	for _, x := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{http.MethodGet, "/v1/members", "", http.StatusNotFound, "not_here"},
		{http.MethodPost, "/v1/members", "{}", http.StatusNotFound, "not_here"},
		{http.MethodPost, "/v1/members/1/lead", "", http.StatusNotFound, "not_here"},
		{http.MethodGet, "/v1/%6dembers", "", http.StatusNotFound, "not_here"},
		{http.MethodGet, "/v1/snapshot", "", http.StatusNotFound, "not_here"},
		{http.MethodPost, "/v1/defrag", "", http.StatusNotFound, "not_here"},
		{http.MethodGet, "/v1/diagnosis", "", http.StatusNotFound, "not_here"},
		{http.MethodGet, "/v1/stream", "", http.StatusNotFound, "not_here"},
		{http.MethodDelete, "/v1/sessions/" + id, "", http.StatusNotFound, "not_here"},
		{http.MethodGet, "/v1/nothing", "", http.StatusNotFound, "unknown_route"},
		{http.MethodGet, "/nothing", "", http.StatusNotFound, "unknown_route"},
		{http.MethodPost, "/healthz", "", http.StatusNotFound, "unknown_route"},
		{http.MethodGet, "/leader", "", http.StatusNotFound, "no_claim"},
		{http.MethodPost, "/v1/locks/a//b/acquire", "", http.StatusBadRequest, "bad_request"},
		{http.MethodPost, "/v1/locks/a/../b/acquire", "", http.StatusBadRequest, "bad_request"},
		{http.MethodPost, "/v1/locks/" + name(t, "l") + "/acquire", strings.Repeat(" ", 1001), http.StatusRequestEntityTooLarge, "body_too_large"},
		{http.MethodPost, "/v1/locks/" + name(t, "l") + "/acquire?ttl=30s", "", http.StatusBadRequest, "bad_request"},
		{http.MethodPost, "/v1/locks/" + name(t, "l") + "/acquire", `{"labels":{}}`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, "/v1/locks/" + name(t, "l") + "/acquire", "[]", http.StatusBadRequest, "bad_request"},
		{http.MethodPost, "/v1/locks/" + name(t, "l") + "/acquire", `{"wait":`, http.StatusBadRequest, "bad_request"},
	} {
		t.Run(x.method+" "+x.path, func(t *testing.T) {
			problem(t, ask(t, x.method, r.url+x.path, x.body), x.status, x.code)
		})
	}
	lock := r.url + "/v1/locks/" + name(t, "l") + "/acquire"
	problem(t, ask(t, http.MethodPost, lock, "", "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "cross_origin")
	problem(t, ask(t, http.MethodPost, lock, "", "Origin", "http://elsewhere.example"), http.StatusForbidden, "cross_origin")
	problem(t, ask(t, http.MethodGet, r.url+"/app", "", "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "cross_origin")
	problem(t, ask(t, http.MethodGet, r.url+"/state", "", "Host", "rebound.example"), http.StatusForbidden, "cross_origin")
	good(t, http.MethodGet, r.url+"/state", "", "Host", "localhost:7071")
	for _, path := range []string{"/v1/status", "/state", "/events", "/app"} {
		problem(t, ask(t, http.MethodGet, r.status+path, ""), http.StatusNotFound, "unknown_route")
	}
	if view := good(t, http.MethodGet, r.url+"/v1/sessions/"+id, ""); view.string("session") != id {
		t.Errorf("the session: %s", view.text)
	}
	good(t, http.MethodPost, r.url+"/v1/sessions/"+id+"/keepalive", "")
	good(t, http.MethodGet, r.url+"/v1/status", "")
	if doc := good(t, http.MethodGet, r.url+"/openapi.yaml", ""); !strings.Contains(doc.text, "openapi:") {
		t.Errorf("openapi.yaml: %s", doc.text)
	}
	if m := good(t, http.MethodGet, r.status+"/metrics", ""); !strings.Contains(m.text, "lockkeeper_sidecar_app_present 1") {
		t.Errorf("metrics: %s", m.text)
	}
	good(t, http.MethodGet, r.status+"/healthz", "")
	good(t, http.MethodGet, r.status+"/readyz", "")
}

// TestReadsNeedNoApplication: whoever only looks need not be there.
func TestReadsNeedNoApplication(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.App.Watch = WatchConnection })
	good(t, http.MethodGet, r.url+"/v1/locks/"+name(t, "l"), "")
	good(t, http.MethodPut, r.url+"/v1/semaphores/"+name(t, "s"), `{"limit":3}`)
	problem(t, ask(t, http.MethodPost, r.url+"/v1/sessions", ""), http.StatusConflict, "app_absent")
}

// TestAHangUpLeavesTheQueue: who hangs up while waiting is out of the queue.
func TestAHangUpLeavesTheQueue(t *testing.T) {
	t.Parallel()
	r := start(t)
	n := name(t, "l")
	other := good(t, http.MethodPost, member+"/v1/locks/"+n+"/acquire", `{"ttl":"1m"}`)
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // ends by hangUp
		defer close(done)
		_, _ = askFor(ctx, http.MethodPost, r.url+"/v1/locks/"+n+"/acquire", `{"wait":"1m"}`)
	}()
	eventually(t, "it waits", func() bool { return contenders(t, n) == 2 })
	hangUp()
	<-done
	eventually(t, "it is out", func() bool { return contenders(t, n) == 1 })
	good(t, http.MethodPost, member+"/v1/locks/"+n+"/release", fmt.Sprintf(`{"session":%q}`, other.string("session")))
	free(t, n)
}

// TestAHangUpAsItIsGranted: who hangs up at any moment of a grant does not keep the lock, unless the
// answer was on its way already; then the sidecar knows of it, and shows it.
func TestAHangUpAsItIsGranted(t *testing.T) {
	t.Parallel()
	r := start(t)
	kept, last := 0, 0
	for i := range 60 {
		n := name(t, fmt.Sprint(i))
		ctx, hangUp := context.WithTimeout(t.Context(), time.Duration(i)*200*time.Microsecond)
		a, err := askFor(ctx, http.MethodPost, r.url+"/v1/locks/"+n+"/acquire", "")
		hangUp()
		if err == nil && a.status == http.StatusOK {
			continue // it has heard
		}
		last = i
		eventually(t, n+" is free, or known to be held", func() bool {
			token := holder(t, n)
			if token == 0 {
				return true
			}
			if strings.Contains(held(t, r), fmt.Sprint("lock ", n, " ", token)) {
				kept++
				return true
			}
			return false
		})
	}
	t.Logf("of those who hung up, up to %v after asking, %d have left a lock behind", time.Duration(last)*200*time.Microsecond, kept)
}
