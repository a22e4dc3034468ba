//go:build linux

package faults

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/history"
)

// A ledger watches over one lock from the outside: who believes to hold it, which tokens were
// given, and a counter that only the lock protects. Its methods are safe for concurrent use.
type ledger struct {
	name    string
	history *history.History

	counter atomic.Int64 // read and written in two steps by whoever holds the lock

	mu      sync.Mutex
	holder  *clustertest.Session // who believes to hold it; nil: nobody
	token   int64                // the highest given
	holds   int64                // how many there were
	faults  []string
	longest time.Duration // between two grants
	last    time.Time
}

func newLedger(name string) *ledger { return &ledger{name: name, history: history.New(name, 0)} }

// granted notes that s was told that it holds the lock. It reports false where s knows by its
// own clock that the answer came too late to be believed.
func (l *ledger) granted(s *clustertest.Session, token int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !now.Before(s.Until()) {
		return false
	}
	if l.holder != nil && now.Before(l.holder.Until()) {
		l.faults = append(l.faults, fmt.Sprintf("%s: session %s holds it, and so does %s for %v more", l.name, s.ID, l.holder.ID, l.holder.Until().Sub(now)))
	}
	if token <= l.token {
		l.faults = append(l.faults, fmt.Sprintf("%s: token %d was given after %d", l.name, token, l.token))
	}
	if !l.last.IsZero() {
		l.longest = max(l.longest, now.Sub(l.last))
	}
	l.holder, l.token, l.last = s, token, now
	l.holds++
	return true
}

// work does what the lock protects: it counts one up in two steps, with a pause between them in
// which anybody else could interfere.
func (l *ledger) work() {
	n := l.counter.Load()
	for range 10 {
		runtime.Gosched()
	}
	l.counter.Store(n + 1)
}

// releasing notes that s gives the lock up: it does not believe to hold it any more, whatever
// becomes of the request.
func (l *ledger) releasing(s *clustertest.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder == s {
		l.holder = nil
	}
}

// check fails the test for what the ledger has found.
func (l *ledger) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.faults {
		if i == 10 {
			t.Errorf("… and %d more", len(l.faults)-i)
			break
		}
		t.Error(f)
	}
	if n := l.counter.Load(); n != l.holds {
		t.Errorf("%s: the counter stands at %d after %d holds: two worked at once", l.name, n, l.holds)
	}
}
