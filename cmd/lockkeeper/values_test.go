package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSizeValue(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		bytes      int64
	}{
		{"0", "0", 0},
		{"1000", "1000", 1000},
		{"1024", "1KiB", 1024},
		{"512MiB", "512MiB", 512 << 20},
		{"2048 MiB", "2GiB", 2 << 30},
		{"7B", "7", 7},
	} {
		var s sizeValue
		if err := s.Set(tc.text); err != nil || int64(s) != tc.bytes || s.String() != tc.want {
			t.Errorf("Set(%q) = %d %q, %v; want %d %q", tc.text, int64(s), s.String(), err, tc.bytes, tc.want)
		}
	}
	for _, text := range []string{"", "-1", "1.5GiB", "MiB", "1MB", "99999999999999TiB", "1 2"} {
		var s sizeValue
		if err := s.Set(text); err == nil {
			t.Errorf("Set(%q) = %d; want an error", text, int64(s))
		}
	}
}

func TestClusterValue(t *testing.T) {
	members := map[string]string{"old": "http://old:1"}
	v := &clusterValue{&members}
	if err := v.Set("b=http://h2:2380, a=http://h1:2380,"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "http://h1:2380", "b": "http://h2:2380"}, members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if got, want := v.String(), "a=http://h1:2380,b=http://h2:2380"; got != want {
		t.Errorf("String() = %s; want %s", got, want)
	}
	for _, text := range []string{"a", "=u", "a=", "a=u,a=v"} {
		if err := v.Set(text); err == nil {
			t.Errorf("Set(%q) made %v; want an error", text, members)
		}
	}
}

func FuzzSizeValue(f *testing.F) {
	for _, text := range []string{"0", "512MiB", "1 TiB", "9223372036854775807", "-1B"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, again sizeValue
		if s.Set(text) != nil {
			return
		}
		if s < 0 {
			t.Fatalf("Set(%q) = %d; sizes are not negative", text, int64(s))
		}
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("Set(%q) = %d, printed %s, read back %d, %v", text, int64(s), s.String(), int64(again), err)
		}
	})
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "-",
		"host-7":                "host-7",
		"a\tb\nc\x1b[2J\u009bx": "a?b?c?[2J?x",
		strings.Repeat("ü", 90): strings.Repeat("ü", 79) + "…",
	} {
		if got := printable(text); got != want {
			t.Errorf("printable(%q) = %q; want %q", text, got, want)
		}
	}
}
