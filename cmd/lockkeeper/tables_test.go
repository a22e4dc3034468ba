package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// command runs one command line against a fake member.
func command(t *testing.T, endpoint string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, []string{"LOCKKEEPER_ENDPOINTS=" + endpoint}, &out, &errs)
	return out.String(), err
}

const held = `{"name":"orders/42","state":"held","holder":{"token":4294967299,"session":"00000000000000a1","position":0,
"owner":"host-7","reason":"nightly","metadata":{"pid":"7"},"door":"rest","enqueued":"2026-01-02T03:04:05Z","since":"2026-01-02T03:04:05Z"},
"contenders":3,"waiters":[{"token":4294967300,"session":"00000000000000a2","position":1,"door":"zookeeper","enqueued":"2026-01-02T03:04:06Z"}],"revision":9}`

func TestPrintQueue(t *testing.T) {
	endpoint, _ := member(t, answer(held))
	got, err := command(t, endpoint, "inspect", "/orders/42")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"lock:      orders/42\n", "state:     held\n", "holder:    host-7\n", "token:     4294967299\n",
		"reason:    nightly\n", "metadata:  pid=7\n",
		"session 00000000000000a2", "and 1 more\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("inspect lacks %q:\n%s", want, got)
		}
	}
}

func TestInspectFree(t *testing.T) {
	endpoint, _ := member(t, answer(`{"name":"x","state":"free","contenders":0,"waiters":[],"revision":9}`))
	got, err := command(t, endpoint, "inspect", "x")
	if diff := cmp.Diff("lock:   x\nstate:  free\n", got); diff != "" || exitCode(err) != exitNotFound || !errors.Is(err, errSilent) {
		t.Errorf("inspect = %v (-want +got):\n%s", err, diff)
	}
}

// TestInspectTellsNoMoreThanIsKnown: a name whose lock is free may be a semaphore's.
func TestInspectTellsNoMoreThanIsKnown(t *testing.T) {
	endpoint, _ := member(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/semaphores/") {
			problem(http.StatusServiceUnavailable, `{"code":"unavailable","title":"no quorum"}`)(w, r)
			return
		}
		fmt.Fprint(w, `{"name":"x","state":"free","contenders":0,"waiters":[],"revision":9}`)
	})
	if got, err := command(t, endpoint, "inspect", "x", "--timeout", "1s"); got != "" || exitCode(err) != exitUnavailable {
		t.Errorf("inspect prints %q, and ends with %v", got, err)
	}
}

func TestLocksReadsAllPages(t *testing.T) {
	endpoint, asked := member(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case q.Get("prefix") != "orders/":
			w.WriteHeader(http.StatusTeapot)
		case q.Get("after") == "":
			fmt.Fprintf(w, `{"locks":[%s],"next":"orders/42","revision":9}`, held)
		default:
			fmt.Fprint(w, `{"locks":[{"name":"orders/43","state":"free","contenders":0}],"revision":10}`)
		}
	})
	got, err := command(t, endpoint, "locks", "orders/")
	if err != nil || asked.Load() != 2 {
		t.Fatalf("locks asked %d times, %v", asked.Load(), err)
	}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "orders/42  host-7") || !strings.HasPrefix(lines[2], "orders/43  -") {
		t.Errorf("locks prints\n%s", got)
	}

	got, err = command(t, endpoint, "locks", "orders/", "--json")
	if err != nil || !strings.Contains(got, `"orders/43"`) || !strings.Contains(got, `"revision": 10`) || strings.Contains(got, `"next"`) {
		t.Errorf("locks --json prints\n%s%v", got, err)
	}
	got, err = command(t, endpoint, "locks", "orders/", "--json", "--limit", "1")
	if err != nil || !strings.Contains(got, `"next": "orders/42"`) {
		t.Errorf("locks --json --limit 1 prints\n%s%v", got, err)
	}
}

func TestReleaseNamesTheHoldItSaw(t *testing.T) {
	var body string
	endpoint, _ := member(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, held)
			return
		}
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		fmt.Fprint(w, `{"name":"orders/42","token":4294967299,"state":"released","revision":10}`)
	})
	got, err := command(t, endpoint, "release", "orders/42", "--force", "--reason", "host-7 is gone")
	if err != nil || !strings.HasPrefix(got, "lock orders/42 taken from host-7") {
		t.Errorf("release prints %s%v", got, err)
	}
	if want := `{"force":true,"token":4294967299,"reason":"host-7 is gone"}`; body != want {
		t.Errorf("release sends %s; want %s", body, want)
	}
}

func TestReleaseOfAFreeLock(t *testing.T) {
	endpoint, asked := member(t, answer(`{"name":"x","state":"free","contenders":0,"waiters":[],"revision":9}`))
	if _, err := command(t, endpoint, "release", "x", "--force"); exitCode(err) != exitNotFound || asked.Load() != 2 {
		t.Errorf("release = %v after %d requests; want exit code %d once the lock and the semaphore were looked at", err, asked.Load(), exitNotFound)
	}
}

func TestStatus(t *testing.T) {
	endpoint, _ := member(t, answer(`{"member":"a","member_id":"1","version":"v1","leader":"b","epoch":3,"revision":9,"sessions":2,"locks":1,
		"members":[{"name":"a","id":"1","online":true,"leader":false,"addresses":{"http":"127.0.0.1:7070"}},{"name":"b","id":"2","leader":true,"online":true}]}`))
	got, err := command(t, endpoint, "status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"leader:    b\n", "a       follower  online  -        127.0.0.1:7070", "b       leader"} {
		if !strings.Contains(got, want) {
			t.Errorf("status lacks %q:\n%s", want, got)
		}
	}
	headless, _ := member(t, answer(`{"member":"a","leader":"","members":[]}`))
	if got, err := command(t, headless, "status"); exitCode(err) != exitUnavailable || !strings.Contains(got, "leader:    none") {
		t.Errorf("status without a leader = %v:\n%s", err, got)
	}
}

func TestCompleteLocks(t *testing.T) {
	endpoint, _ := member(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"locks":[{"name":"%s42"},{"name":"%[1]s43"}],"revision":1}`, r.URL.Query().Get("prefix"))
	})
	for _, args := range [][]string{
		{"__complete", "inspect", "orders/"},
		{"__complete", "inspect", "--endpoints", endpoint, "orders/"},
	} {
		got, err := command(t, endpoint, args...)
		if err != nil || !strings.HasPrefix(got, "orders/42\norders/43\n") {
			t.Errorf("%v = %q, %v; want the two locks", args, got, err)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tc := range []struct {
		since time.Duration
		want  string
	}{{-time.Second, "now"}, {0, "now"}, {90*time.Second + 1, "1m30s"}, {25*time.Hour + 61*time.Second, "25h1m0s"}} {
		if got := ago(now, now.Add(-tc.since)); got != tc.want {
			t.Errorf("ago(%v) = %q; want %q", tc.since, got, tc.want)
		}
	}
	if got := ago(now, time.Time{}); got != "-" {
		t.Errorf("ago(never) = %q; want -", got)
	}
}
