package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

func TestLongAnswersTakeTurns(t *testing.T) {
	a := &API{turns: make(chan struct{}, 1)}
	local := lock.Read{}
	done, err := a.turn(t.Context(), longPage+1, &local)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.turn(ended, longPage+1, &local); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a second long answer, given up: %v; want %v", err, store.ErrBusy)
	}
	if short, err := a.turn(ended, longPage, &local); err != nil {
		t.Errorf("a short answer beside a long one: %v; want no wait", err)
	} else {
		short()
	}
	done()
	done, err = a.turn(t.Context(), longPage+1, &local)
	if err != nil {
		t.Errorf("a long answer after the other: %v", err)
	} else {
		done()
	}
}

// TestLongAnswersWaitForTheirTurn: every list that may be long takes a turn.
func TestLongAnswersWaitForTheirTurn(t *testing.T) {
	b := newBench()
	a := b.start(t)
	for len(a.turns) < cap(a.turns) {
		a.turns <- struct{}{}
	}
	for _, path := range lists {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path+"?limit=101", http.NoBody))
		if w.Code != http.StatusTooManyRequests {
			t.Errorf("GET %s without a turn: status %d; want %d", path, w.Code, http.StatusTooManyRequests)
		}
	}
}

// lists are the reads whose answers may be long.
var lists = []string{"/v1/sessions", "/v1/locks", "/v1/locks/a", "/v1/semaphores/a", "/v1/double-barriers/a", "/v1/deadlocks"}

// watched is a response writer that looks at the turns when it is written to.
type watched struct {
	http.ResponseWriter
	turns chan struct{}
	taken int
}

func (w *watched) Write(b []byte) (int, error) {
	w.taken = max(w.taken, len(w.turns))
	return w.ResponseWriter.Write(b)
}

// A client that does not read must not keep its turn.
func TestNoTurnIsKeptWhileAnAnswerLeaves(t *testing.T) {
	b := newBench()
	a := b.start(t)
	for _, path := range lists {
		for _, fail := range []error{nil, store.ErrUnavailable} {
			b.sessions.fail, b.locks.fail, b.barriers.fail = fail, fail, fail
			w := &watched{ResponseWriter: httptest.NewRecorder(), turns: a.turns}
			a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?limit=101", http.NoBody))
			if w.taken > 0 || len(a.turns) > 0 {
				t.Errorf("GET %s, error %v: %d turns taken while it left, %d afterwards", path, fail, w.taken, len(a.turns))
			}
		}
	}
}
