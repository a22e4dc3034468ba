package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/value"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Every row answers its own error, wrapped as deep as one likes, with its status and code.
func TestEveryProblem(t *testing.T) {
	for _, p := range problems {
		t.Run(fmt.Sprintf("%s %v", p.code, p.err), func(t *testing.T) {
			b := newBench()
			b.locks.fail = fmt.Errorf("lock %q: %w", "a", fmt.Errorf("again: %w", p.err))
			method, path, body := http.MethodPost, "/v1/locks/a/acquire", ""
			switch p.err { // those that only some routes can answer
			case errInput:
				b.locks.fail = fmt.Errorf("wrapped: %w", badInput("owner", "is bad", "mend it"))
			case lock.ErrStaleToken:
				path, body = "/v1/fences/a/check", `{"token":1}`
			case barrier.ErrClosed:
				path = "/v1/barriers/a/wait"
			case barrier.ErrCount, barrier.ErrNotABarrier, barrier.ErrTooManyParticipants:
				path, body = "/v1/double-barriers/a/enter", `{"count":2}`
			case value.ErrNotHolder, value.ErrVersion, value.ErrNone, value.ErrNotAValue, value.ErrTooLong:
				method, path = http.MethodDelete, "/v1/data/a"
			case lock.ErrNoTicket:
				method, path = http.MethodDelete, "/v1/tickets/t"
			case stream.ErrNotWebSocket:
				method, path = http.MethodGet, wire.Path // asked for nothing, it answers so by itself
			case quorum.ErrNoMember, quorum.ErrLosesQuorum, quorum.ErrMemberExists, quorum.ErrLearnerExists,
				quorum.ErrLearnerBehind, quorum.ErrNotLearner, quorum.ErrCannotLead, quorum.ErrUnknown, quorum.ErrDropped:
				method, path = http.MethodDelete, "/v1/members/m2"
			case quorum.ErrDefragRuns:
				path = "/v1/defrag"
			case election.ErrNoCandidate:
				return // see TestElections
			case errUnknownRoute, errWrongMethod:
				return // see TestStrayRequests
			}
			b.barriers.fail, b.values.fail, b.members.fail, b.maintenance.fail = b.locks.fail, b.locks.fail, b.locks.fail, b.locks.fail
			rec := ask(t, b.start(t), method, path, body)
			m := wantProblem(t, rec, p.status, p.code)
			if m["title"] != p.title || m["detail"] == "" {
				t.Errorf("problem = %v; want title %q and a detail", m, p.title)
			}
			if got, want := rec.Header().Get("Retry-After") != "", p.retry; got != want {
				t.Errorf("Retry-After is there: %v; want %v", got, want)
			}
			if rec.Header().Get("Lockkeeper-Revision") != "99" || m["revision"] != 99.0 {
				t.Errorf("revision = %v; want the member's, 99", m["revision"])
			}
		})
	}
}

// A wrapped error finds its own row, not that of another.
func TestProblemTableRoundTrip(t *testing.T) {
	for _, p := range problems {
		got := problemOf(fmt.Errorf("wrapped: %w", p.err))
		if got.code != p.code || got.status != p.status {
			t.Errorf("problemOf(%v) = %d %s; want %d %s", p.err, got.status, got.code, p.status, p.code)
		}
	}
	for err, want := range map[error]string{
		&lease.InputError{Field: "ttl"}:                           "bad_request",
		&lease.LostError{ID: 7, Cause: lease.Expired}:             "session_lost",
		&lock.HeldError{Name: "a"}:                                "lock_held",
		&lock.HoldLostError{Name: "a", Cause: "forced"}:           "hold_lost",
		&lock.StaleTokenError{Fence: "a"}:                         "stale_token",
		errors.Join(store.ErrUncertain, context.DeadlineExceeded): "uncertain",
		znode.ErrNoNode: "internal",
	} {
		if got := problemOf(fmt.Errorf("wrapped: %w", err)).code; got != want {
			t.Errorf("problemOf(%T) = %s; want %s", err, got, want)
		}
	}
}

// Every code is explained to users.
func TestEveryCodeIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/http-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if !strings.Contains(string(text), "| `"+p.code+"` |") {
			t.Errorf("docs/http-api.md has no row for the code %s", p.code)
		}
	}
	for _, r := range routes() {
		if !strings.Contains(string(text), "`"+r.method+" "+r.pattern+"`") {
			t.Errorf("docs/http-api.md says nothing of %s %s", r.method, r.pattern)
		}
	}
}

func TestWhatProblemsKnow(t *testing.T) {
	holder := lock.Contender{Token: 9, Session: 7, State: lock.Held, Owner: "ann", Since: noon, Door: "zookeeper"}
	tests := []struct {
		name string
		err  error
		path string
		want map[string]any
	}{
		{"held", &lock.HeldError{Name: "a", Holder: holder, Position: 3, Revision: 55}, "/v1/locks/a/acquire", map[string]any{
			"name": "a", "position": 3.0, "ahead": 3.0, "revision": 55.0,
			"holder": map[string]any{"token": 9.0, "session": "0000000000000007", "state": "held", "position": 0.0, "owner": "ann", "door": "zookeeper", "since": "2026-03-04T12:00:00.0000005Z"},
		}},
		{"held a moment ago", &lock.HeldError{Name: "a", Revision: 55}, "/v1/locks/a/acquire", map[string]any{"name": "a", "position": 0.0, "revision": 55.0}},
		{"lost", &lease.LostError{ID: 7, Cause: lease.Expired}, "/v1/locks/a/acquire", map[string]any{"session": "0000000000000007", "cause": "expired", "revision": 99.0}},
		{"taken", &lock.HoldLostError{Name: "a", Token: 9, Cause: "forced", Reason: "stuck"}, "/v1/locks/a/acquire", map[string]any{"name": "a", "token": 9.0, "cause": "forced", "reason": "stuck", "revision": 99.0}},
		{"stale", &lock.StaleTokenError{Fence: "f", Token: 3, Highest: 8}, "/v1/fences/f/check?token=3", map[string]any{"name": "f", "token": 3.0, "highest": 8.0, "revision": 99.0}},
		{"quorum", &quorum.QuorumError{Change: "removing m2", Voters: 2, Need: 2, Answering: []string{"m1"}, Silent: []string{"m3"}}, "DELETE /v1/members/m2", map[string]any{
			"voters": 2.0, "need": 2.0, "answering": []any{"m1"}, "silent": []any{"m3"}, "revision": 99.0,
			"fix": "bring back a member that does not answer, or add one first; to do it all the same, say force",
		}},
		{"input", badInput("owner", "is bad", "mend it"), "/v1/locks/a/acquire", map[string]any{"field": "owner", "fix": "mend it", "revision": 99.0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			b.locks.fail = fmt.Errorf("acquire: %w", tt.err)
			if tt.name == "stale" {
				b.Locks = staleFence{b.locks}
			}
			b.members.fail = b.locks.fail
			method, path, ok := strings.Cut(tt.path, " ")
			if !ok {
				method, path = http.MethodPost, tt.path
			}
			m := decoded(t, ask(t, b.start(t), method, path, ""))
			for _, key := range []string{"type", "title", "status", "code", "detail"} {
				delete(m, key)
			}
			if diff := cmp.Diff(tt.want, m); diff != "" {
				t.Errorf("extras (-want +got):\n%s", diff)
			}
		})
	}
}

// staleFence answers checks with what its locks fail with.
type staleFence struct{ *fakeLocks }

func (f staleFence) CheckFence(context.Context, string, lock.Token) (lock.Fence, error) {
	return lock.Fence{}, f.fail
}

// What went wrong inside is logged, not told.
func TestInternalErrorsAreNotTold(t *testing.T) {
	b := newBench()
	b.locks.fail = errors.New("secret in /var/lib")
	rec := ask(t, b.start(t), http.MethodPost, "/v1/locks/a/acquire", "")
	wantProblem(t, rec, http.StatusInternalServerError, "internal")
	if strings.Contains(rec.Body.String(), "secret") {
		t.Errorf("answer %s tells what is inside", rec.Body)
	}
}

func TestAPanicIsOneClientsTrouble(t *testing.T) {
	b := newBench()
	b.locks.acquire = func(context.Context, lock.Request, time.Duration) (lock.Hold, error) { panic("oops") }
	a := b.start(t)
	rec := ask(t, a, http.MethodPost, "/v1/locks/a/acquire", "")
	wantProblem(t, rec, http.StatusInternalServerError, "internal")
	if n := a.inFlight.Load(); n != 0 {
		t.Errorf("%d requests in flight after a panic; want 0", n)
	}
	if rec := ask(t, a, http.MethodGet, "/v1/locks/a", ""); rec.Code != http.StatusOK {
		t.Errorf("the next request: %d; want 200", rec.Code)
	}
}

func TestConfigSaysWhatIsMissing(t *testing.T) {
	_, err := New(Config{Limits: Limits{MaxInFlight: -1, ReadTimeout: time.Second}})
	for _, want := range []string{"Sessions", "Locks", "Subscribe", "Health", "MaxInFlight", "ReadTimeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v; want a word about %s", err, want)
		}
	}
	if !slices.Contains(fieldNames[:], "ttl") || fieldOf("ttl") != fieldTTL || fieldOf("metadata") != fieldMetadata {
		t.Error("the names of the fields are not in their order")
	}
}
