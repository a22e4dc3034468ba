package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/lock"
)

// Every route answers, as described, what its domain method returned.
func TestEveryRoute(t *testing.T) {
	const id = "0000000000000007"
	tests := []struct {
		name         string
		method, path string
		body         string
		status       int
		revision     string
		contains     string
	}{
		{"open with defaults", "POST", "/v1/sessions", "", 200, "100", `"deadline":"2026-03-04T12:00:00.0000005Z"`},
		{"open", "POST", "/v1/sessions", `{"ttl":"30s","labels":{"host":"a1"},"request_id":"r1"}`, 200, "100", `"generation":3,"member":"0000000000000abc"`},
		{"open by query", "POST", "/v1/sessions?ttl=30s&request_id=r1", "", 200, "100", `"ttl":"15s"`},
		{"list sessions", "GET", "/v1/sessions", "", 200, "100", `"one_shot":true}],"next":"0000000000000008"`},
		{"list sessions from", "GET", "/v1/sessions?after=" + id + "&limit=2&consistency=linearizable&min_revision=5", "", 200, "100", `"sessions":[`},
		{"get session", "GET", "/v1/sessions/" + id, "", 200, "100", `"labels":{"host":"a1"}`},
		{"close session", "DELETE", "/v1/sessions/" + id, "", 200, "100", `"state":"closed"`},
		{"touch", "POST", "/v1/sessions/" + id + "/keepalive", "", 200, "100", `"session":"` + id + `"`},
		{"touch with a generation", "POST", "/v1/sessions/" + id + "/keepalive", `{"generation":3}`, 200, "100", `"deadline"`},
		{"acquire with defaults", "POST", "/v1/locks/orders/42/acquire", "", 200, "101", `{"name":"orders/42","session":"` + id + `","token":9,"state":"held","ttl":"15s","deadline":"2026-03-04T12:00:15.0000005Z","position":0,`},
		{"acquire and escape", "POST", "/v1/locks/orders/42/acquire", "", 200, "101", `"reason":"deploy \"x\"\n"`},
		{"enqueue", "POST", "/v1/locks/orders/42/enqueue", `{"session":"` + id + `"}`, 202, "101", `"state":"waiting","ttl":"15s","position":2,"ticket":"orders/42:9"`},
		{"release", "POST", "/v1/locks/orders/42/release", `{"session":"` + id + `","token":9}`, 200, "102", `{"name":"orders/42","token":9,"state":"released","repeated":true,"revision":102}`},
		{"release by query", "POST", "/v1/locks/orders/42/release?force=true&reason=stuck", "", 200, "102", `"released"`},
		{"keep alive", "POST", "/v1/locks/orders/42/keepalive?session=" + id, "", 200, "101", `"deadline"`},
		{"acquire to read", "POST", "/v1/locks/orders/42/acquire", `{"mode":"read","lock_delay":"5s"}`, 200, "101", `"state":"held"`},
		{"acquire again", "POST", "/v1/locks/orders/42/acquire", `{"session":"` + id + `","reentrant":true}`, 200, "101", `"state":"held"`},
		{"downgrade", "POST", "/v1/locks/orders/42/downgrade", `{"session":"` + id + `","token":9}`, 200, "101", `"mode":"read"`},
		{"acquire all", "POST", "/v1/multilocks/acquire", `{"names":["a","b/c"],"session":"` + id + `","wait":"1s"}`, 200, "101", `{"holds":[{"name":"a","session":"` + id + `","token":9,`},
		{"release all", "POST", "/v1/multilocks/release", `{"names":["a","b/c"],"session":"` + id + `"}`, 200, "102", `{"released":[{"name":"a","token":9,"state":"released","revision":102},{"name":"b/c",`},
		{"get lock", "GET", "/v1/locks/orders/42?limit=10", "", 200, "103", `"state":"held","holder":{"token":9,`},
		{"list locks", "GET", "/v1/locks?prefix=ord&after=a&limit=1", "", 200, "103", `"state":"free","contenders":0}],"next":"orders/43"`},
		{"await", "GET", "/v1/tickets/orders/42:9?wait=5s", "", 200, "101", `"state":"held"`},
		{"leave", "DELETE", "/v1/tickets/orders/42:9", "", 200, "102", `"released"`},
		{"acquire permits", "POST", "/v1/semaphores/pool/a/acquire", `{"permits":3,"limit":4,"wait":"1s","owner":"ann"}`, 200, "101", `"name":"pool/a","session":"` + id + `","token":9,"state":"held","permits":3,`},
		{"acquire one permit", "POST", "/v1/semaphores/pool/acquire", "", 200, "101", `"permits":1,`},
		{"acquire permits by query", "POST", "/v1/semaphores/pool/acquire?permits=2&limit=4&session=" + id, "", 200, "101", `"permits":2,`},
		{"enqueue for permits", "POST", "/v1/semaphores/pool/enqueue", `{"permits":2,"session":"` + id + `"}`, 202, "101", `"state":"waiting","permits":2,`},
		{"release permits", "POST", "/v1/semaphores/pool/release", `{"session":"` + id + `","token":9}`, 200, "102", `"state":"released"`},
		{"force permits", "POST", "/v1/semaphores/pool/release", `{"force":true,"token":9,"reason":"stuck"}`, 200, "102", `"state":"released"`},
		{"keep permits", "POST", "/v1/semaphores/pool/keepalive", `{"session":"` + id + `","token":9}`, 200, "101", `"deadline"`},
		{"get semaphore", "GET", "/v1/semaphores/pool/a?limit=10&consistency=linearizable", "", 200, "103", `"limit":4,"in_use":3,"holding":1,"waiting":1,"holders":[{"token":9,`},
		{"set limit", "PUT", "/v1/semaphores/pool", `{"limit":5}`, 200, "105", `{"name":"pool","limit":5,"revision":105}`},
		{"fence", "GET", "/v1/fences/db/a", "", 200, "104", `{"name":"db/a","highest":0,"revision":104}`},
		{"check", "POST", "/v1/fences/db/a/check", `{"token":9}`, 200, "104", `"highest":9`},
		{"status", "GET", "/v1/status", "", 200, "99", `"version":"v0.0.1","leader":"m1"`},
		{"healthz", "GET", "/healthz", "", 200, "99", `"alive"`},
		{"readyz", "GET", "/readyz", "", 200, "99", `"status":"ready"`},
		{"metrics", "GET", "/metrics", "", 200, "99", "lockkeeper_http_in_flight 0"},
		{"openapi", "GET", "/openapi.yaml", "", 200, "99", "openapi: 3.1.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := ask(t, newBench().start(t), tt.method, tt.path, tt.body)
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.contains) {
				t.Errorf("answer = %d %s; want %d with %s", rec.Code, rec.Body, tt.status, tt.contains)
			}
			if got := rec.Header().Get("Lockkeeper-Revision"); got != tt.revision {
				t.Errorf("Lockkeeper-Revision = %q; want %q", got, tt.revision)
			}
		})
	}
}

func TestAcquireSaysWhatWasAsked(t *testing.T) {
	tests := []struct {
		name, path, body string
		want             lock.Request
		wait             time.Duration
	}{
		{"nothing", "a/acquire", "", lock.Request{Name: "a"}, 0},
		{"an empty object", "a/acquire", " {} ", lock.Request{Name: "a"}, 0},
		{
			"all of a one-shot", "a/b/acquire", `{"ttl":"1m30s","labels":{"h":"x"},"owner":"ann","reason":"r","metadata":{"k":"v"},"request_id":"q","wait":"2s"}`,
			lock.Request{Name: "a/b", TTL: 90 * time.Second, Labels: map[string]string{"h": "x"}, Owner: "ann", Reason: "r", Metadata: map[string]string{"k": "v"}, RequestID: "q"},
			2 * time.Second,
		},
		{"every client", "a/acquire", `{"compat":"all"}`, lock.Request{Name: "a", Compat: lock.CompatAll}, 0},
		{"every client, by query", "a/acquire?compat=all", "", lock.Request{Name: "a", Compat: lock.CompatAll}, 0},
		{"to write", "a/acquire", `{"mode":"write","lock_delay":"1m"}`, lock.Request{Name: "a", Mode: lock.ModeWrite, LockDelay: time.Minute}, 0},
		{"again, by query", "a/acquire?reentrant=true&session=0000000000000007&mode=read", "", lock.Request{Name: "a", Session: 7, Reentrant: true, Mode: lock.ModeRead}, 0},
		{"a session", "a/acquire", `{"session":"00000000000000ff","generation":4,"wait":"0"}`, lock.Request{Name: "a", Session: 255, Generation: 4}, 0},
		{"forever", "a/acquire?wait=forever", "", lock.Request{Name: "a"}, time.Hour},
		{"by query", "a/acquire?owner=ann+b&ttl=5s&wait=0s", "", lock.Request{Name: "a", Owner: "ann b", TTL: 5 * time.Second}, 0},
		{"an action's name", "a/acquire/acquire", "", lock.Request{Name: "a/acquire"}, 0},
		{"escapes in the body", "a/acquire", `{"owner":"\u00e9\"\\"}`, lock.Request{Name: "a", Owner: "é\"\\"}, 0},
		{"escapes in the name", "a%20b/%C3%A9%3F/acquire", "", lock.Request{Name: "a b/é?"}, 0},
		{"an escaped slash", "a%2Fb/acquire", "", lock.Request{Name: "a/b"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			rec := ask(t, b.start(t), http.MethodPost, "/v1/locks/"+tt.path, tt.body)
			if rec.Code != http.StatusOK {
				t.Fatalf("answer = %d %s; want 200", rec.Code, rec.Body)
			}
			tt.want.Door = "rest"
			if diff := cmp.Diff(tt.want, b.locks.request); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if b.locks.wait != tt.wait {
				t.Errorf("wait = %v; want %v", b.locks.wait, tt.wait)
			}
		})
	}
}

func TestReleaseSaysWhatWasAsked(t *testing.T) {
	tests := []struct {
		name, body string
		want       lock.Release
	}{
		{"a session", `{"session":"0000000000000007"}`, lock.Release{Name: "a", Session: 7}},
		{"all", `{"session":"0000000000000007","generation":2,"token":9007199254740991,"request_id":"q"}`, lock.Release{Name: "a", Session: 7, Generation: 2, Token: 1<<53 - 1, RequestID: "q"}},
		{"by force", `{"force":true,"reason":"stuck","token":4}`, lock.Release{Name: "a", Force: true, Reason: "stuck", Token: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			if rec := ask(t, b.start(t), http.MethodPost, "/v1/locks/a/release", tt.body); rec.Code != http.StatusOK {
				t.Fatalf("answer = %d %s; want 200", rec.Code, rec.Body)
			}
			if diff := cmp.Diff(tt.want, b.locks.gave); diff != "" {
				t.Errorf("release (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadsSayHowFresh(t *testing.T) {
	for _, path := range []string{"/v1/locks/a", "/v1/locks", "/v1/fences/a"} {
		b := newBench()
		ask(t, b.start(t), http.MethodGet, path+"?consistency=linearizable&min_revision=12", "")
		if want := (lock.Read{Linearizable: true, MinRevision: 12}); b.locks.fresh != want {
			t.Errorf("%s: read = %+v; want %+v", path, b.locks.fresh, want)
		}
	}
}
