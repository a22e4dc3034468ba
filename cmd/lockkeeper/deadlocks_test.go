package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestPrintDeadlocks(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC)
	const answer = `{"deadlocks":[{"cycle":[
		{"session":"0000000000000007","owner":"ann","door":"rest","holds":{"name":"x","token":9,"state":"held","since":"2026-03-04T12:00:00Z"},"waits":{"name":"y","token":12,"state":"waiting","since":"2026-03-04T12:00:30Z"}},
		{"session":"0000000000000008","holds":{"name":"y","token":10,"state":"waiting","since":"2026-03-04T12:00:00Z"},"waits":{"name":"x","token":11,"state":"waiting","since":"2026-03-04T12:00:40Z"}}
	],"actors":3,"since":"2026-03-04T12:00:40Z"}],"total":2,"revision":7}`
	var list deadlockList
	if err := json.Unmarshal([]byte(answer), &list); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := list.print(&out, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"deadlock 1:", "3 actors", "for 20s",
		"ann                       0000000000000007  x (for 1m0s)            y (for 30s)  rest",
		"session 0000000000000008  0000000000000008  y (ahead in its queue)  x (for 20s)  -",
		"and 1 more",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestExpectedText(t *testing.T) {
	for text, want := range map[string]string{"": "unknown", "1m2.4s": "~1m2s", "31ms": "~31ms"} {
		if got := expected(text); got != want {
			t.Errorf("expected(%q) = %q; want %q", text, got, want)
		}
	}
}
