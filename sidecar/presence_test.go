//go:build linux

package sidecar

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestTheApplicationComesAndGoes: by every way of knowing that the application lives, a claim is held
// once it is there, and released at once when it is not; and it then has a new session.
func TestTheApplicationComesAndGoes(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		watch Watch
		open  func(t *testing.T, c *Config) (come, leave func(r *running))
	}{
		{WatchConnection, byConnection},
		{WatchHealth, byHealth},
		{WatchPID, byPIDFile},
		{WatchHeartbeat, byHeartbeat},
	} {
		t.Run(string(way.watch), func(t *testing.T) {
			t.Parallel()
			var come, leave func(*running)
			election, lock := name(t, "e"), name(t, "l")
			r := start(t, claims(Claim{Kind: Election, Name: election}, Claim{Kind: Lock, Name: lock}), func(c *Config) {
				c.App.Watch = way.watch
				come, leave = way.open(t, c)
			})
			if a := ask(t, http.MethodGet, r.status+"/leader", ""); a.status != http.StatusServiceUnavailable {
				t.Fatalf("before the application is there: %d %s", a.status, a.text)
			}
			events := listen(t, r.url+"/events")
			var last int64
			session := ""
			for range 2 {
				come(r)
				token := leads(t, r.status+"/leader")
				leads(t, r.status+"/held")
				if token <= last {
					t.Errorf("token %d after %d", token, last)
				}
				last = token
				mine := ask(t, http.MethodPost, r.url+"/v1/locks/"+lock+"/mine/acquire", "")
				if mine.status != http.StatusOK || mine.string("session") == session {
					t.Fatalf("acquire: %d %s; the session before was %s", mine.status, mine.text, session)
				}
				session = mine.string("session")
				leave(r)
				events.next(t, AppGone, "", Lost)
				for _, n := range []string{election, lock, lock + "/mine"} {
					free(t, n)
				}
				if a := ask(t, http.MethodGet, r.status+"/leader", ""); a.status != http.StatusServiceUnavailable {
					t.Errorf("when the application is gone: %d %s", a.status, a.text)
				}
				if a := ask(t, http.MethodGet, member+"/v1/sessions/"+session, ""); a.status == http.StatusOK {
					t.Errorf("its session lives on: %s", a.text)
				}
			}
			view := ask(t, http.MethodGet, r.url+"/state", "")
			if app, _ := view.fields["app"].(map[string]any); app["present"] != false || app["why"] == nil {
				t.Errorf("state = %s", view.text)
			}
		})
	}
}

func byConnection(t *testing.T, _ *Config) (come, leave func(*running)) {
	var l *listener
	return func(r *running) { l = listen(t, r.url+"/app") }, func(*running) { l.close() }
}

func byHealth(t *testing.T, c *Config) (come, leave func(*running)) {
	var healthy atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !healthy.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	c.App.HealthURL = s.URL
	return func(*running) { healthy.Store(true) }, func(*running) { healthy.Store(false) }
}

// sleeper starts a process that waits to be killed.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func byPIDFile(t *testing.T, c *Config) (come, leave func(*running)) {
	c.App.PIDFile = filepath.Join(t.TempDir(), "pid")
	var app *exec.Cmd
	return func(*running) {
			app = sleeper(t) // another process each time
			if err := os.WriteFile(c.App.PIDFile, fmt.Appendln(nil, app.Process.Pid), 0o600); err != nil {
				t.Fatal(err)
			}
		}, func(*running) {
			if err := app.Process.Kill(); err != nil { // nobody waits for it yet: it is a zombie
				t.Fatal(err)
			}
		}
}

func byHeartbeat(t *testing.T, c *Config) (come, leave func(*running)) {
	c.App.Heartbeat = filepath.Join(t.TempDir(), "beat")
	c.App.Age = 300 * time.Millisecond
	var stop chan struct{}
	done := make(chan struct{}, 1)
	come = func(*running) {
		stop = make(chan struct{})
		go func() { // ends by leave
			defer func() { done <- struct{}{} }()
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				if err := os.WriteFile(c.App.Heartbeat, nil, 0o600); err != nil {
					t.Error(err)
				}
				now := time.Now()
				_ = os.Chtimes(c.App.Heartbeat, now, now)
				select {
				case <-tick.C:
				case <-stop:
					return
				}
			}
		}()
	}
	leave = func(*running) {
		close(stop)
		<-done
	}
	return come, leave
}

// TestAPID: one process, and no other by its number.
func TestAPID(t *testing.T) {
	t.Parallel()
	app := sleeper(t)
	n := name(t, "l")
	r := start(t, claims(Claim{Kind: Lock, Name: n}), func(c *Config) { c.App.Watch, c.App.PID = WatchPID, app.Process.Pid })
	leads(t, r.status+"/held")
	if err := app.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	free(t, n)
	_ = app.Wait()
	eventually(t, "it says why", func() bool {
		return strings.Contains(ask(t, http.MethodGet, r.url+"/state", "").text, "no such process")
	})
}

// TestAZombie: a process that has ended does not live, though nobody has waited for it.
func TestAZombie(t *testing.T) {
	t.Parallel()
	app := sleeper(t)
	r := start(t, func(c *Config) { c.App.Watch, c.App.PID = WatchPID, app.Process.Pid })
	events := listen(t, r.url+"/events")
	if err := app.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	events.next(t, AppGone, "")
	looks := time.After(10 * 20 * time.Millisecond)
	for {
		select {
		case e := <-events.events:
			t.Fatalf("told %+v of a zombie", e)
		case <-looks:
			return
		}
	}
}

// TestHealthFailuresInARow: a bad answer now and then does not make the application gone.
func TestHealthFailuresInARow(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%3 != 0 { // two bad ones, a good one
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	n := name(t, "l")
	r := start(t, claims(Claim{Kind: Lock, Name: n}), func(c *Config) {
		c.App.Watch, c.App.HealthURL, c.App.Failures = WatchHealth, s.URL, 3
	})
	token := leads(t, r.status+"/held")
	from := asked.Load()
	eventually(t, "many more looks", func() bool { return asked.Load() > from+12 })
	if again := leads(t, r.status+"/held"); again != token {
		t.Errorf("token %d after %d", again, token)
	}
}

// TestAHungHealthCheck: an answer that does not come is a bad one.
func TestAHungHealthCheck(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(s.Close)
	n := name(t, "l")
	r := start(t, claims(Claim{Kind: Lock, Name: n}), func(c *Config) {
		c.App.Watch, c.App.HealthURL, c.App.Failures, c.App.Timeout = WatchHealth, s.URL, 2, 100*time.Millisecond
	})
	leads(t, r.status+"/held")
	hangs.Store(true)
	free(t, n)
}

// TestTwoConnections: the application lives while one of them is open.
func TestTwoConnections(t *testing.T) {
	t.Parallel()
	n := name(t, "l")
	r := start(t, claims(Claim{Kind: Lock, Name: n}), func(c *Config) { c.App.Watch = WatchConnection })
	first := listen(t, r.url+"/app")
	token := leads(t, r.status+"/held")
	second := listen(t, r.url+"/app")
	first.close()
	if e := leads(t, r.status+"/held"); e != token {
		t.Errorf("token %d after %d", e, token)
	}
	second.close()
	free(t, n)
	problem(t, ask(t, http.MethodPost, r.url+"/v1/locks/"+n+"/mine/acquire", ""), http.StatusConflict, "app_absent")
}
