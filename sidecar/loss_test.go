//go:build linux

package sidecar

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestALossIsTold: of a lock that requests hold, by every way there is; and an own release is no loss.
func TestALossIsTold(t *testing.T) {
	t.Parallel()
	app := exec.CommandContext(t.Context(), "sh", "-c", `trap 'echo lost' USR1; echo ready; while :; do sleep 0.02; done`)
	out, err := app.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = app.Process.Kill()
		_ = app.Wait()
	})
	says := bufio.NewScanner(out)
	says.Scan()

	posts := make(chan Event, 100)
	attempts := 0 // of the first event; the webhook is asked by one goroutine
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if attempts++; attempts == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var e Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		posts <- e
	}))
	t.Cleanup(hook.Close)
	file := filepath.Join(t.TempDir(), "events")
	r := start(t, func(c *Config) {
		c.App.Watch, c.App.PID = WatchPID, app.Process.Pid
		c.Notify.Webhook, c.Notify.File, c.Notify.Signal = hook.URL, file, syscall.SIGUSR1
	})
	n, quiet := name(t, "l"), name(t, "quiet")
	events, connection := listen(t, r.url+"/events"), listen(t, r.url+"/app")

	good(t, http.MethodPost, r.url+"/v1/locks/"+quiet+"/acquire", "")
	good(t, http.MethodPost, r.url+"/v1/locks/"+quiet+"/release", "")
	a := good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/acquire", "")
	force(t, n)
	for _, l := range []*listener{events, connection} {
		if e := l.next(t, Lost, n); e.Kind != Lock || e.Token != a.token() || e.Why == "" {
			t.Errorf("told %+v", e)
		}
	}
	if !says.Scan() || says.Text() != "lost" {
		t.Errorf("the application says %q", says.Text())
	}
	over := time.After(patience)
	var posted []string
	for len(posted) == 0 || posted[len(posted)-1] != Lost+" "+n {
		select {
		case e := <-posts:
			posted = append(posted, e.Event+" "+e.Name)
		case <-over:
			t.Fatalf("posted: %q", posted)
		}
	}
	if posted[0] != AppPresent+" " {
		t.Errorf("posted %q; the first was to be tried again", posted)
	}
	if got := held(t, r); got != "" {
		t.Errorf("holds %q", got)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for line := range strings.Lines(string(text)) {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if e.Event == Lost {
			lost++
		}
		if e.Name == quiet {
			t.Errorf("told %+v of an own release", e)
		}
	}
	if lost != 1 {
		t.Errorf("%d losses in\n%s", lost, text)
	}
}

// TestEveryKindOfLossIsTold: of permits, of a term and of several locks, too.
func TestEveryKindOfLossIsTold(t *testing.T) {
	t.Parallel()
	r := start(t)
	events := listen(t, r.url+"/events")
	e, a, b, s := name(t, "e"), name(t, "a"), name(t, "b"), name(t, "s")
	good(t, http.MethodPost, r.url+"/v1/elections/"+e+"/campaign", "")
	force(t, e)
	if told := events.next(t, Lost, e); told.Kind != Election {
		t.Errorf("told %+v", told)
	}
	good(t, http.MethodPost, r.url+"/v1/multilocks/acquire", `{"names":["`+a+`","`+b+`"]}`)
	force(t, b)
	events.next(t, Lost, b)
	good(t, http.MethodPut, member+"/v1/semaphores/"+s, `{"limit":1}`)
	p := good(t, http.MethodPost, r.url+"/v1/semaphores/"+s+"/acquire", "")
	good(t, http.MethodPost, member+"/v1/semaphores/"+s+"/release", string(must(json.Marshal(map[string]any{"force": true, "token": p.token()}))))
	if told := events.next(t, Lost, s); told.Kind != Semaphore || told.Token != p.token() {
		t.Errorf("told %+v", told)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) //nolint:forbidigo // only what cannot fail
	}
	return v
}

// TestTheLastWord: a stream of events tells of what is given up when the sidecar stops, and ends.
func TestTheLastWord(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		n := name(t, string(rune('a'+i)))
		r := start(t, claims(Claim{Kind: Lock, Name: n}))
		events := listen(t, r.url+"/events")
		leads(t, r.status+"/held")
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		events.next(t, Released, n, Lost)
		free(t, n)
	}
}
