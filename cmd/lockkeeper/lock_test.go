package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

func TestGrace(t *testing.T) {
	for _, tc := range []struct {
		grace, ttl time.Duration
		refused    string
	}{
		{5 * time.Second, 15 * time.Second, ""},
		{5 * time.Second, 11 * time.Second, ""},
		{5 * time.Second, 10 * time.Second, "give at most 4.5s, or a --ttl of at least 11s"},
		{time.Second, 2 * time.Second, "give at most 900ms, or a --ttl of at least 3s"},
		{time.Hour, time.Minute, "a --ttl of at least 2h0m1s"},
	} {
		err := checkGrace(tc.grace, tc.ttl)
		if tc.refused == "" && err != nil {
			t.Errorf("grace %v, TTL %v: %v", tc.grace, tc.ttl, err)
		}
		if tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)) {
			t.Errorf("grace %v, TTL %v: %v; want %q", tc.grace, tc.ttl, err, tc.refused)
		}
	}
	for ttl := 2 * time.Second; ttl < 2*time.Hour; ttl += 1777 * time.Millisecond {
		if grace, margin, err := (&lockConfig{}).timing(ttl); err != nil || grace <= 0 || margin < 100*time.Millisecond {
			t.Errorf("the grace for a TTL of %v is %v, with a margin of %v: %v", ttl, grace, margin, err)
		}
	}
}

func TestSplitCommand(t *testing.T) {
	for line, want := range map[string][]string{
		"":                        nil,
		"  ":                      nil,
		"logger lost":             {"logger", "lost"},
		` a  "b c" 'd "e' f\ g `:  {"a", "b c", `d "e`, "f g"},
		`sh -c 'echo "$X" > y'`:   {"sh", "-c", `echo "$X" > y`},
		`a "" ''`:                 {"a", "", ""},
		`pre"fix "'post' "\"q\""`: {"prefix post", `"q"`},
		`'\n' $HOME *`:            {`\n`, "$HOME", "*"},
	} {
		if got, err := splitCommand(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`'a`, `"a`, `a\`} {
		if got, err := splitCommand(line); err == nil {
			t.Errorf("%s: %q", line, got)
		}
	}
}

func TestWaitText(t *testing.T) {
	now := time.Now()
	for want, w := range map[string]sdk.Wait{
		"waiting for a/b, next in line": {Name: "a/b", Position: 1},
		"waiting for a/b, 3 ahead besides the holder, held by host-7 for 2m0s (nightly)": {
			Name: "a/b", Position: 4, Holder: sdk.Contender{Owner: "host-7", Since: now.Add(-2 * time.Minute), Reason: "nightly"},
		},
		"waiting for a/b, one ahead besides the holder, held by ?[31mx": {Name: "a/b", Position: 2, Holder: sdk.Contender{Owner: "\x1b[31mx"}},
	} {
		if got := waitText(w, now); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}
