//go:build linux

package sidecartest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A sighting is a sidecar's answer that it leads.
type sighting struct {
	by             *sidecar
	token          int64
	sent, received time.Time
}

// A watch asks sidecars all the time whether they lead.
type watch struct {
	mu   sync.Mutex
	seen []sighting // in the order in which they were noted
	asks int
}

const (
	pollers   = 2 // of each sidecar: while one waits for an answer, the other asks
	pollEvery = 5 * time.Millisecond
)

// watching watches sidecars until the test ends, and then fails it where two have led at once.
func watching(t *testing.T, sidecars ...*sidecar) *watch {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{}
	var wg sync.WaitGroup
	for _, s := range sidecars {
		for range pollers {
			wg.Go(func() { w.poll(ctx, s) })
		}
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		w.judge(t)
	})
	return w
}

func (w *watch) poll(ctx context.Context, s *sidecar) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		var answer struct{ Token int64 }
		sent := time.Now()
		status, err := s.ask(ctx, http.MethodGet, "/leader", "", &answer)
		received := time.Now()
		w.mu.Lock()
		w.asks++
		if err == nil && status == http.StatusOK {
			w.seen = append(w.seen, sighting{s, answer.Token, sent, received})
		}
		w.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// judge fails the test where two have led at once.
func (w *watch) judge(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	wrong, terms := conflicts(w.seen)
	for _, what := range wrong {
		t.Error(what)
	}
	t.Logf("%d questions, %d answers that somebody leads, %d terms", w.asks, len(w.seen), terms)
}

// conflicts finds questions that were sent after an answer with a higher token had been received, and
// were answered with a lower one: two led at once, or a token did not rise. terms counts the tokens.
func conflicts(seen []sighting) (wrong []string, terms int) {
	bySent, byReceived := slices.Clone(seen), slices.Clone(seen)
	slices.SortFunc(bySent, func(a, b sighting) int { return a.sent.Compare(b.sent) })
	slices.SortFunc(byReceived, func(a, b sighting) int { return a.received.Compare(b.received) })
	var highest sighting
	owner, i := map[int64]*sidecar{}, 0
	for _, x := range bySent {
		for ; i < len(byReceived) && byReceived[i].received.Before(x.sent); i++ {
			if byReceived[i].token > highest.token {
				highest = byReceived[i]
			}
		}
		if x.token < highest.token {
			wrong = append(wrong, fmt.Sprintf("%s says that it leads with token %d, asked %v after %s had said so with token %d", x.by.name, x.token, x.sent.Sub(highest.received), highest.by.name, highest.token))
		}
		if o := owner[x.token]; o != nil && o != x.by {
			wrong = append(wrong, fmt.Sprintf("%s and %s both lead with token %d", o.name, x.by.name, x.token))
		}
		owner[x.token] = x.by
	}
	return wrong, len(owner)
}

// TestConflicts: the check finds what it is to find, and nothing else.
func TestConflicts(t *testing.T) {
	t.Parallel()
	a, b, zero := &sidecar{name: "a"}, &sidecar{name: "b"}, time.Now()
	at := func(by *sidecar, token int64, sent, received int) sighting {
		return sighting{by, token, zero.Add(time.Duration(sent)), zero.Add(time.Duration(received))}
	}
	for what, x := range map[string]struct {
		seen  []sighting
		wrong int
	}{
		"one after the other":        {[]sighting{at(a, 1, 0, 1), at(b, 2, 2, 3), at(b, 2, 4, 5), at(a, 3, 6, 7)}, 0},
		"an old answer that is late": {[]sighting{at(b, 2, 2, 4), at(a, 1, 3, 9)}, 0},
		"two at once":                {[]sighting{at(a, 1, 0, 1), at(b, 2, 2, 3), at(a, 1, 4, 5)}, 1},
		"noted in another order":     {[]sighting{at(a, 1, 4, 5), at(b, 2, 2, 3)}, 1},
		"a token that falls":         {[]sighting{at(a, 2, 0, 1), at(a, 1, 2, 3)}, 1},
		"one token of two":           {[]sighting{at(a, 1, 0, 1), at(b, 1, 2, 3)}, 1},
	} {
		if wrong, _ := conflicts(x.seen); len(wrong) != x.wrong {
			t.Errorf("%s: %q; want %d", what, wrong, x.wrong)
		}
	}
}

// last returns the latest sighting.
func (w *watch) last() (x sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, y := range w.seen {
		if y.received.After(x.received) {
			x = y
		}
	}
	return x
}

// leader waits until somebody is seen to lead who was asked after since, and returns the sighting.
func (w *watch) leader(t *testing.T, since time.Time) (x sighting) {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, "a leader", func() bool {
		x = w.last()
		return x.sent.After(since)
	})
	return x
}

// next waits until somebody leads with a higher token than before, and returns the first sighting, and
// for how long nobody had been seen to lead.
func (w *watch) next(t *testing.T, before sighting) (first sighting, nobody time.Duration) {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, "another leader", func() bool { return w.last().token > before.token })
	w.mu.Lock()
	defer w.mu.Unlock()
	until := before.received
	for _, x := range w.seen {
		switch {
		case x.token == before.token && x.received.After(until):
			until = x.received
		case x.token > before.token && (first.by == nil || x.received.Before(first.received)):
			first = x
		}
	}
	return first, first.received.Sub(until)
}

// longest returns the longest time since then in which nobody was seen to lead.
func (w *watch) longest(since time.Time) (most time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Clone(w.seen)
	slices.SortFunc(at, func(a, b sighting) int { return a.received.Compare(b.received) })
	last := since
	for _, x := range at {
		if x.received.After(since) {
			most = max(most, x.received.Sub(last))
			last = x.received
		}
	}
	return most
}
