package lock

import (
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
)

// TestPaces: the newest hold counts for a quarter, and nothing is said of what is not known.
func TestPaces(t *testing.T) {
	p := newPaces(1)
	expects := func(what, dir string, turns int, want time.Duration) {
		t.Helper()
		if got := p.expected(dir, turns); got != want {
			t.Errorf("%s: expected(%q, %d) = %v; want %v", what, dir, turns, got, want)
		}
	}
	expects("never released", "/a", 1, 0)
	p.held("/a", 100*time.Millisecond)
	expects("after one hold", "/a", 1, 100*time.Millisecond)
	p.held("/a", 500*time.Millisecond)
	expects("after a longer one", "/a", 1, 200*time.Millisecond)
	expects("behind two", "/a", 2, 400*time.Millisecond)
	expects("behind nobody", "/a", 0, 0)
	p.held("/b", time.Second)
	expects("whose place another has taken", "/a", 1, 0)
	expects("who took it", "/b", 1, time.Second)
	p.reset()
	expects("forgotten", "/b", 1, 0)
}

// TestTurns: readers in a row are one turn, of whatever client.
func TestTurns(t *testing.T) {
	const exclusive, reader, foreign = 0, 3, 4 // of forms
	f := newForest(t, 8)
	for i, tt := range []struct{ form, turns int }{
		{exclusive, 0}, {reader, 1}, {foreign, 1}, {exclusive, 2}, {exclusive, 3}, {reader, 4}, {reader, 4},
	} {
		if got := turnsAhead(f.join("a", lease.ID(i+1), "o", forms[tt.form])); got != tt.turns {
			t.Errorf("contender %d has %d turns ahead; want %d", i, got, tt.turns)
		}
	}
}
