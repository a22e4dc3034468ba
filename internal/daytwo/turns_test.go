//go:build linux

package daytwo

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// turns is a file to which all who want one lock, in whatever process, append a line when they have
// entered, with the token, and before they leave. A line is appended in one piece, so the order of lines
// is that in which things happened.
type turns struct {
	path string
	file *os.File
}

func newTurns(t *testing.T) *turns {
	t.Helper()
	path := filepath.Join(t.TempDir(), "turns")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return &turns{path, file}
}

// take notes a turn by token. A line that is missing shows in the check.
func (j *turns) take(who string, token int64) {
	_, _ = fmt.Fprintln(j.file, "enter", who)
	_, _ = fmt.Fprintln(j.file, "holds", who, token)
	_, _ = fmt.Fprintln(j.file, "leave", who)
}

// goesOn waits until each of those has taken some turns more.
func (j *turns) goesOn(t *testing.T, who ...string) {
	t.Helper()
	info, err := j.file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	from := info.Size()
	clustertest.Eventually(t, clustertest.Patience, strings.Join(who, ", ")+" go on", func() bool {
		text, err := os.ReadFile(j.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range who {
			if strings.Count(string(text[from:]), "leave "+w) < 3 {
				return t.Failed()
			}
		}
		return true
	})
}

// check reads it all: nobody enters before the one before has left, and tokens grow.
func (j *turns) check(t *testing.T) {
	t.Helper()
	file, err := os.Open(j.path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	holder, last, count := "", int64(0), map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var verb, who string
		var token int64
		if n, err := fmt.Sscan(lines.Text(), &verb, &who, &token); n < 2 {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		switch {
		case verb == "enter" && holder != "":
			t.Errorf("%s enters while %s holds the lock", who, holder)
		case verb != "enter" && holder != who:
			t.Errorf("%s: %s, while %q holds the lock", who, verb, holder)
		case verb == "holds" && token <= last:
			t.Errorf("%s holds by token %d, after %d", who, token, last)
		}
		switch verb {
		case "enter":
			holder = who
		case "holds":
			last = token
			count[who]++
		case "leave":
			holder = ""
		}
	}
	t.Logf("turns of the lock that all want: %v", count)
}
