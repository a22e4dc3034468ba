//go:build linux

package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// script returns a hook that runs a line of shell.
func script(line string) Hook { return Hook{Command: []string{"sh", "-c", line}} }

// TestHooksAroundATerm: the hook of a gain has ended before anybody is told, and that of a loss has
// before another can be.
func TestHooksAroundATerm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, enough := filepath.Join(dir, "hooks"), filepath.Join(dir, "enough")
	n := name(t, "e")
	line := fmt.Sprintf(`echo "$LOCKKEEPER_EVENT $LOCKKEEPER_ELECTION_NAME $LOCKKEEPER_TOKEN $LOCKKEEPER_WHY" >> %s; while ! test -e %s; do sleep 0.02; done`, file, enough)
	r := start(t, claims(Claim{Kind: Election, Name: n, OnGain: script(line), OnLoss: script(line)}))
	events := listen(t, r.url+"/events")
	eventually(t, "the hook of the gain runs", func() bool { return lines(file) == 1 })
	if a := ask(t, http.MethodGet, r.status+"/leader", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("before the hook has ended: %d %s", a.status, a.text)
	}
	must(0, os.WriteFile(enough, nil, 0o600))
	token := leads(t, r.status+"/leader")
	if text := good(t, http.MethodGet, r.status+"/leader/token?election="+n, "").text; text != fmt.Sprintln(token) {
		t.Errorf("token: %q", text)
	}
	events.next(t, Gained, n)
	must(0, os.Remove(enough))
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }() // ends when the hook does
	eventually(t, "the hook of the loss runs", func() bool { return lines(file) == 2 })
	if got := holder(t, n); got != token {
		t.Errorf("while the hook of the loss runs %d holds; want %d", got, token)
	}
	if a := ask(t, http.MethodGet, r.status+"/leader", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("while the hook of the loss runs: %d %s", a.status, a.text)
	}
	if a := ask(t, http.MethodGet, r.status+"/readyz", ""); a.status != http.StatusServiceUnavailable || a.string("status") != "stopping" {
		t.Errorf("ready while it stops: %d %s", a.status, a.text)
	}
	must(0, os.WriteFile(enough, nil, 0o600))
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	events.next(t, Released, n, Lost)
	free(t, n)
	text := string(must(os.ReadFile(file)))
	if want := fmt.Sprintf("gained %s %d \nlost %s %d the sidecar stops\n", n, token, n, token); text != want {
		t.Errorf("the hooks say\n%swant\n%s", text, want)
	}
}

func lines(file string) int {
	text, _ := os.ReadFile(file) // it may not be there yet
	return strings.Count(string(text), "\n")
}

// TestAHookThatFails: the claim is given up, and taken anew, with a higher token.
func TestAHookThatFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hooks")
	line := fmt.Sprintf(`echo $LOCKKEEPER_TOKEN >> %s; test $(wc -l < %s) = 3`, file, file)
	n := name(t, "l")
	r := start(t, claims(Claim{Kind: Lock, Name: n, OnGain: Hook{Command: []string{"sh", "-c", strings.ReplaceAll(line, "ELECTION_NAME", "LOCK")}}}))
	token := leads(t, r.status+"/held")
	var tokens []int64
	for line := range strings.Lines(string(must(os.ReadFile(file)))) {
		var n int64
		must(fmt.Sscan(line, &n))
		if len(tokens) > 0 && n <= tokens[len(tokens)-1] {
			t.Errorf("token %d after %v", n, tokens)
		}
		tokens = append(tokens, n)
	}
	if len(tokens) != 3 || tokens[2] != token {
		t.Errorf("tokens %v; it holds with %d", tokens, token)
	}
	if m := good(t, http.MethodGet, r.status+"/metrics", ""); !strings.Contains(m.text, `lockkeeper_sidecar_hooks_total{event="gained",result="failed"} 2`) {
		t.Errorf("metrics: %s", m.text)
	}
}

// TestAHookThatTakesTooLong: it is ended with all that it has started, also what takes no SIGTERM.
func TestAHookThatTakesTooLong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := name(t, "l")
	line := fmt.Sprintf(`(trap '' TERM; echo $$ > %s/child; while :; do sleep 0.05; date +%%s%%N > %s/beat; done) & wait; sleep 100`, dir, dir)
	gain := script(line)
	gain.Timeout = 300 * time.Millisecond
	r := start(t, claims(Claim{Kind: Lock, Name: n, OnGain: gain}))
	events := listen(t, r.url+"/events")
	if e := events.next(t, HookFailed, n, Gained); !strings.Contains(e.Why, "300ms") {
		t.Errorf("told %+v", e)
	}
	// The next attempt begins one back-off later; until then nothing of the first lives.
	before, _ := os.ReadFile(filepath.Join(dir, "beat"))
	<-time.After(100 * time.Millisecond)
	if after, _ := os.ReadFile(filepath.Join(dir, "beat")); string(after) != string(before) {
		t.Errorf("what the hook has started lives on: %q after %q", after, before)
	}
	if a := ask(t, http.MethodGet, r.status+"/held", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("held: %d %s", a.status, a.text)
	}
}

// TestHooksByURL: the event is posted, and must be taken.
func TestHooksByURL(t *testing.T) {
	t.Parallel()
	var refuses atomic.Bool
	refuses.Store(true)
	posts := make(chan Event, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		if refuses.CompareAndSwap(true, false) {
			w.WriteHeader(http.StatusConflict)
		}
		posts <- e
	}))
	t.Cleanup(s.Close)
	n := name(t, "e")
	hook := Hook{URL: s.URL, Timeout: 5 * time.Second}
	r := start(t, claims(Claim{Kind: Election, Name: n, OnGain: hook, OnLoss: hook}))
	token := leads(t, r.status+"/leader")
	for i, want := range []string{Gained, Lost, Gained} { // the first was refused
		if e := <-posts; e.Event != want || e.Kind != Election || e.Name != n || (i == 2) != (e.Token == token) {
			t.Errorf("posted %+v; want %s", e, want)
		}
	}
	force(t, n)
	if e := <-posts; e.Event != Lost || e.Token != token || e.Why == "" {
		t.Errorf("posted %+v", e)
	}
	if again := leads(t, r.status+"/leader"); again <= token {
		t.Errorf("token %d after %d", again, token)
	}
}

// TestAClaimIsTakenAnew: one that is lost by force, with a higher token; and its loss is told.
func TestAClaimIsTakenAnew(t *testing.T) {
	t.Parallel()
	n := name(t, "l")
	r := start(t, claims(Claim{Kind: Lock, Name: n, Reason: "testing"}))
	events := listen(t, r.url+"/events")
	last := int64(0)
	for range 3 {
		eventually(t, "it holds anew", func() bool { return leads(t, r.status+"/held") > last })
		last = leads(t, r.status+"/held")
		force(t, n)
		if e := events.next(t, Lost, n); e.Token != last {
			t.Errorf("told %+v; want token %d", e, last)
		}
	}
}

// TestAHigherPriority: a leader hands over to who waits with a higher one, and leads again after.
func TestAHigherPriority(t *testing.T) {
	t.Parallel()
	n := name(t, "e")
	low := start(t, claims(Claim{Kind: Election, Name: n}), func(c *Config) { c.Owner = "low:7" })
	token := leads(t, low.status+"/leader")
	if view := good(t, http.MethodGet, member+"/v1/elections/"+n, ""); !strings.Contains(view.text, `"value":"low:7"`) {
		t.Errorf("who has no value to tell leads as %s", view.text)
	}
	events := listen(t, low.url+"/events")
	high := start(t, claims(Claim{Kind: Election, Name: n, Value: "high", Priority: 9}))
	taken := leads(t, high.status+"/leader")
	if taken <= token {
		t.Errorf("token %d after %d", taken, token)
	}
	if e := events.next(t, Released, n, Lost); !strings.Contains(e.Why, "priority") {
		t.Errorf("told %+v", e)
	}
	if a := ask(t, http.MethodGet, low.status+"/leader", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("who has handed over: %d %s", a.status, a.text)
	}
	if view := good(t, http.MethodGet, member+"/v1/elections/"+n, ""); !strings.Contains(view.text, `"high"`) {
		t.Errorf("the election: %s", view.text)
	}
	if err := high.stop(); err != nil {
		t.Fatal(err)
	}
	if back := leads(t, low.status+"/leader"); back <= taken {
		t.Errorf("token %d after %d", back, taken)
	}
}

// TestClaimsAreNotForRequests: what the sidecar holds by itself no request gives back behind its back,
// nor waits for: else it would say that it holds what another has.
func TestClaimsAreNotForRequests(t *testing.T) {
	t.Parallel()
	l, e, free := name(t, "l"), name(t, "e"), name(t, "free")
	r := start(t, claims(Claim{Kind: Lock, Name: l}, Claim{Kind: Election, Name: e, Value: "first"}))
	token, term := leads(t, r.status+"/held"), leads(t, r.status+"/leader")
	for path, body := range map[string]string{
		"/v1/locks/" + l + "/release":      "",
		"/v1/locks/" + l + "/acquire":      `{"wait":"1m"}`,
		"/v1/locks/" + l + "/enqueue":      "{}",
		"/v1/locks/" + l + "/downgrade":    "",
		"/v1/locks/" + e + "/release":      `{"force":false}`,
		"/v1/elections/" + e + "/resign":   "",
		"/v1/elections/" + e + "/campaign": "",
		"/v1/elections/" + e + "/handover": "",
		"/v1/multilocks/acquire":           fmt.Sprintf(`{"names":[%q,%q]}`, free, l),
		"/v1/multilocks/release":           fmt.Sprintf(`{"names":[%q,%q]}`, free, e),
	} {
		problem(t, ask(t, http.MethodPost, r.url+path, body), http.StatusConflict, "claimed")
	}
	good(t, http.MethodPost, r.url+"/v1/locks/"+l+"/keepalive", "")
	good(t, http.MethodPost, r.url+"/v1/elections/"+e+"/proclaim", `{"value":"second"}`)
	if view := good(t, http.MethodGet, r.url+"/v1/elections/"+e, ""); !strings.Contains(view.text, `"second"`) {
		t.Errorf("the election: %s", view.text)
	}
	if again := leads(t, r.status+"/held"); again != token {
		t.Errorf("token %d after %d", again, token)
	}
	if again := leads(t, r.status+"/leader"); again != term {
		t.Errorf("token %d after %d", again, term)
	}
	if got := held(t, r); got != "" {
		t.Errorf("requests hold %q", got)
	}
	good(t, http.MethodPost, r.url+"/v1/elections/"+e+"/resign", `{"force":true}`) // as anybody may
	eventually(t, "it leads anew", func() bool { return leads(t, r.status+"/leader") > term })
}

// TestGoneWhileTheHookRuns: an application that goes while the hook of a gain runs, or is about to.
func TestGoneWhileTheHookRuns(t *testing.T) {
	t.Parallel()
	n := name(t, "l")
	dir := t.TempDir()
	r := start(t, claims(Claim{Kind: Lock, Name: n, OnGain: script("touch " + filepath.Join(dir, "gained") + "; sleep 100")}), func(c *Config) { c.App.Watch = WatchConnection })
	for range 20 {
		l := listen(t, r.url+"/app")
		eventually(t, "the lock is granted", func() bool { return holder(t, n) != 0 })
		l.close()
		free(t, n)
	}
}

// TestAHookThatIsTooLate: what is over before it begins is not begun.
func TestAHookThatIsTooLate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errAppGone)
	file := filepath.Join(t.TempDir(), "run")
	h := Hook{Command: []string{"touch", file}}
	if err := h.exec(ctx, Event{}, time.Second); !errors.Is(err, errAppGone) {
		t.Errorf("the hook: %v; want %v", err, errAppGone)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was run")
	}
	missing := Hook{Command: []string{filepath.Join(t.TempDir(), "missing")}}
	if err := missing.exec(t.Context(), Event{}, time.Second); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a hook that is not there: %v", err)
	}
}
