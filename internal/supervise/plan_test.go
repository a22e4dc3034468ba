package supervise

import (
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPlan(t *testing.T) {
	const term, kill = syscall.SIGTERM, syscall.SIGKILL
	type step struct {
		at     time.Duration
		extend time.Duration // before asking
		end    Why
		atOnce bool
		want   syscall.Signal
		next   time.Duration
	}
	// The first deadline is at 20 s, the grace 5 s, the margin 1 s: SIGTERM at 14 s, SIGKILL at 19 s.
	for name, steps := range map[string][]step{
		"overdue": {
			{at: 1, next: 14}, {at: 14, want: term, next: 19}, {at: 14, next: 19}, {at: 19, want: kill, next: -1}, {at: 20, next: -1},
		},
		"renewed":                    {{at: 5, extend: 25, next: 19}, {at: 14, next: 19}, {at: 18, extend: 38, next: 32}},
		"a deadline never goes back": {{at: 5, extend: 10, next: 14}},
		"renewed too late":           {{at: 14, want: term, next: 19}, {at: 15, extend: 35, next: 19}, {at: 19, want: kill, next: -1}},
		"late for SIGTERM":           {{at: 17, want: term, next: 19}, {at: 19, want: kill, next: -1}},
		"asked early":                {{at: 2, end: Asked, want: term, next: 7}, {at: 7, want: kill, next: -1}},
		"asked late":                 {{at: 13, end: Asked, want: term, next: 18}, {at: 18, want: kill, next: -1}},
		"asked with little left":     {{at: 16, end: Asked, want: term, next: 19}, {at: 19, want: kill, next: -1}},
		"orphaned":                   {{at: 2, end: Orphaned, atOnce: true, want: kill, next: -1}},
		"orphaned while ending":      {{at: 2, end: Asked, want: term, next: 7}, {at: 3, end: Orphaned, atOnce: true, want: kill, next: -1}},
		"woken past the deadline":    {{at: 1, next: 14}, {at: 3600, want: kill, next: -1}},
		"woken in the grace":         {{at: 14, want: term, next: 19}, {at: 3600, want: kill, next: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan{deadline: 20 * time.Second, grace: 5 * time.Second, margin: time.Second}
			for _, s := range steps {
				if s.extend != 0 {
					p.extend(s.extend * time.Second)
				}
				if s.end != "" {
					p.end(s.end, s.atOnce)
				}
				want := s.next * time.Second
				if s.next < 0 {
					want = never
				}
				if sig, next := p.due(s.at * time.Second); sig != s.want || next != want {
					t.Fatalf("at %ds: %v, next %v; want %v, next %v", s.at, sig, next, s.want, want)
				}
			}
		})
	}
}

// TestPlanKillsInTime asks, at times as they come, for whatever order of renewals and reasons:
// once the deadline less the margin has come SIGKILL has been sent, each signal once at most.
func TestPlanKillsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.Int64Range(0, int64(30*time.Second))
		draw := func(label string) time.Duration { return time.Duration(span.Draw(t, label)) }
		p := plan{deadline: draw("deadline"), grace: draw("grace"), margin: draw("margin")}
		var now time.Duration
		sent := map[syscall.Signal]int{}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			now += draw("passes")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				p.extend(now + draw("extension"))
			case 1:
				p.end(Asked, rapid.Bool().Draw(t, "at once"))
			}
			sig, next := p.due(now)
			sent[sig]++
			if next < now {
				t.Fatalf("asks for a time that is past: %v at %v", next, now)
			}
			if now >= p.deadline-p.margin && sent[syscall.SIGKILL] == 0 {
				t.Fatalf("nothing was killed at %v: %+v", now, p)
			}
			if sig == syscall.SIGTERM && sent[syscall.SIGKILL] > 0 || sent[syscall.SIGTERM] > 1 || sent[syscall.SIGKILL] > 1 {
				t.Fatalf("signals at %v: %v", now, sent)
			}
		}
	})
}
