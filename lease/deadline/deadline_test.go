package deadline_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/lease/deadline"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestGrace(t *testing.T) {
	for _, c := range []struct{ ttl, want time.Duration }{
		{2 * time.Second, 2 * time.Second / 6},
		{6 * time.Second, time.Second},
		{time.Minute, time.Second},
		{time.Hour, time.Second},
	} {
		if got := deadline.Grace(c.ttl); got != c.want {
			t.Errorf("Grace(%v) = %v; want %v", c.ttl, got, c.want)
		}
	}
}

// A naive keeper knows the same as a Set, and looks at every session each time.
type naive map[znode.SessionID]*life

type life struct {
	last    time.Duration
	closing bool
}

func end(l *life, ttl time.Duration) time.Duration { return l.last + ttl + min(ttl/6, time.Second) }

// TestAgainstNaive makes random calls to a Set and to a naive model, with times that only grow,
// and compares every answer.
func TestAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := deadline.New(rules.Out{})
		late := time.Duration(-1)
		set.Late = func(d time.Duration) { late = max(late, d) }
		model := naive{}
		ttls := map[znode.SessionID]time.Duration{} // what the tree has
		now := 100 * time.Second
		anyID := rapid.Int64Range(1, 8)
		anyTTL := rapid.SampledFrom([]time.Duration{2 * time.Second, 3 * time.Second, 7 * time.Second, time.Minute})
		id := func(t *rapid.T) znode.SessionID { return znode.SessionID(anyID.Draw(t, "session")) }
		ttlOf := func(id znode.SessionID) (time.Duration, bool) { d, ok := ttls[id]; return d, ok }

		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) { now += time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "passes")) },
			"open": func(t *rapid.T) {
				id, ttl := id(t), anyTTL.Draw(t, "ttl")
				if _, ok := ttls[id]; ok {
					return
				}
				ttls[id], model[id] = ttl, &life{last: now}
				set.Opened(&znode.Session{ID: id, TTL: ttl}, now)
			},
			"touch": func(t *rapid.T) {
				id := id(t)
				l := model[id]
				want := l != nil && !l.closing
				if want {
					l.last = now
				}
				if got := set.Touch(id, now); got != want {
					t.Fatalf("Touch(%d) = %v; want %v", id, got, want)
				}
			},
			"move": func(t *rapid.T) {
				id, ttl := id(t), anyTTL.Draw(t, "ttl")
				if _, ok := ttls[id]; !ok {
					return
				}
				ttls[id] = ttl
				set.Moved(&znode.Session{ID: id, TTL: ttl}, now)
			},
			"close": func(t *rapid.T) {
				id := id(t)
				delete(ttls, id)
				delete(model, id)
				set.Closed(id)
			},
			"shift": func(t *rapid.T) {
				gap := time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "gap"))
				for _, l := range model {
					l.last = max(l.last, min(l.last+gap, now))
				}
				set.Shift(gap, now)
			},
			"takeover": func(*rapid.T) {
				clear(model)
				for id := range ttls {
					model[id] = &life{last: now}
				}
				set.Takeover(now, func(yield func(*znode.Session) bool) {
					for id, ttl := range ttls {
						if !yield(&znode.Session{ID: id, TTL: ttl}) {
							return
						}
					}
				})
			},
			"due": func(t *rapid.T) {
				limit := rapid.IntRange(0, 4).Draw(t, "limit")
				var want []znode.SessionID
				for id, l := range model {
					if !l.closing && end(l, ttls[id]) <= now {
						want = append(want, id)
					}
				}
				overdue, late0 := set.Overdue(now), late
				late = -1
				got := set.Due(now, limit, ttlOf)
				if len(want) > 0 && !overdue {
					t.Fatalf("%v are due and Overdue does not say so", want)
				}
				if len(got) != min(limit, len(want)) {
					t.Fatalf("Due = %v of %v, limit %d", got, want, limit)
				}
				for _, id := range got {
					if !slices.Contains(want, id) {
						t.Fatalf("Due says %d, which is not", id)
					}
					model[id].closing = true
					if late < now-end(model[id], ttls[id]) {
						t.Fatalf("lateness %v told", late)
					}
				}
				late = late0
				if rapid.Bool().Draw(t, "not committed") {
					for _, id := range got {
						model[id].closing = false
					}
					set.Reopen(got)
				}
			},
			"": func(t *rapid.T) {
				if set.Len() != len(model) {
					t.Fatalf("Len = %d; want %d", set.Len(), len(model))
				}
			},
		})
		// In the end everybody who is not closing becomes due, once.
		open := 0
		for _, l := range maps.All(model) {
			if !l.closing {
				open++
			}
		}
		if got := set.Due(now+2*time.Hour, 100, ttlOf); len(got) != open {
			t.Fatalf("in the end %d are due; want %d", len(got), open)
		}
		if got := set.Due(now+4*time.Hour, 100, ttlOf); len(got) != 0 {
			t.Fatalf("%v are due twice", got)
		}
	})
}

// TestLateTouch has a touch arrive out of order: it never moves a deadline back.
func TestLateTouch(t *testing.T) {
	set := deadline.New(rules.Out{})
	ttl := 6 * time.Second
	set.Opened(&znode.Session{ID: 1, TTL: ttl}, 10*time.Second)
	set.Touch(1, 20*time.Second)
	set.Touch(1, 15*time.Second)
	always := func(znode.SessionID) (time.Duration, bool) { return ttl, true }
	if got := set.Due(26*time.Second, 1, always); len(got) != 0 {
		t.Errorf("due before its TTL and its grace: %v", got)
	}
	if got := set.Due(27*time.Second, 1, always); len(got) != 1 {
		t.Errorf("not due after its TTL and its grace")
	}
	if set.Touch(1, 28*time.Second) {
		t.Error("a touch was taken while closing")
	}
	set.Closed(1)
	if set.Touch(1, 29*time.Second) || set.Len() != 0 {
		t.Error("a touch was taken after the close")
	}
}
