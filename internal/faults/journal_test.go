//go:build linux

package faults

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A journal is a file to which the contenders of a lock, in whatever process, append a line when
// they have entered, with what they hold by, and before they leave. A line is appended in one
// piece, so the order of lines is that in which things happened: there is no clock to trust.
type journal struct {
	path string
	file *os.File
}

func newJournal(t *testing.T) *journal {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return &journal{path, file}
}

// note appends a line. A line that is missing shows in the check.
func (j *journal) note(verb, name string, rest ...any) {
	line := append([]any{verb, name}, rest...)
	_, _ = fmt.Fprintln(j.file, line...)
}

// size returns how long the journal is by now.
func (j *journal) size(t *testing.T) int64 {
	t.Helper()
	info, err := j.file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// goesOn waits until the lock has passed on a few times.
func (j *journal) goesOn(t *testing.T) {
	t.Helper()
	const few = 500 // bytes, some five turns
	before := j.size(t)
	clustertest.Eventually(t, clustertest.Patience, "the lock passes on", func() bool { return j.size(t) > before+few })
}

// check reads the journal. The error says where there were two holders at a time, where one entered
// before another that had come first, or where a token did not grow. turns is how often each
// contender has held the lock.
func (j *journal) check() (turns map[string]int, err error) {
	file, err := os.Open(j.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	turns = map[string]int{}
	holder, sequence, token := "", int64(-1), int64(0)
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		var verb, name string
		var s, k int64
		if fields, err := fmt.Sscanf(lines.Text(), "%s %s %d %d", &verb, &name, &s, &k); fields < 2 {
			return turns, fmt.Errorf("line %d: %q: %w", n, lines.Text(), err)
		}
		switch verb {
		case "enter":
			if holder != "" {
				return turns, fmt.Errorf("line %d: %s holds it, and so does %s", n, holder, name)
			}
			holder = name
		case "holds":
			if holder != name || s <= sequence || k <= token {
				return turns, fmt.Errorf("line %d: %s holds by number %d and token %d, after %d and %d", n, name, s, k, sequence, token)
			}
			sequence, token = s, k
			turns[name]++
		case "leave", "killed":
			if holder != name {
				return turns, fmt.Errorf("line %d: %s: %s, while %q holds it", n, name, verb, holder)
			}
			holder = ""
		default:
			return turns, fmt.Errorf("line %d: %s", n, lines.Text())
		}
	}
	if holder != "" {
		return turns, fmt.Errorf("%s never left", holder)
	}
	return turns, lines.Err()
}

// TestJournal shows that the check finds what it is there to find.
func TestJournal(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		good        bool
	}{
		{"in order", "enter a\nholds a 0000000008 5\nleave a\nenter b\nholds b 10 6\nkilled b\n", true},
		{"two holders", "enter a\nholds a 1 5\nenter b\n", false},
		{"out of order", "enter a\nholds a 2 5\nleave a\nenter b\nholds b 1 6\nleave b\n", false},
		{"a token again", "enter a\nholds a 1 5\nleave a\nenter b\nholds b 2 5\nleave b\n", false},
		{"another leaves", "enter a\nholds a 1 5\nleave b\n", false},
		{"one never leaves", "enter a\nholds a 1 5\n", false},
		{"a lost session", "lost a\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJournal(t)
			if _, err := j.file.WriteString(c.lines); err != nil {
				t.Fatal(err)
			}
			if _, err := j.check(); (err == nil) != c.good {
				t.Errorf("check = %v; want good = %v", err, c.good)
			}
		})
	}
}
