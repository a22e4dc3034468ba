//go:build linux

package faults

import (
	"context"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// startProgram starts a program of another language as a child.
func startProgram(t *testing.T, command []string, args ...string) *childtest.Child {
	t.Helper()
	// Not the test's context: its end would kill it before the clean-up is there to wait.
	return childtest.Start(t, exec.CommandContext(context.Background(), command[0], append(command[1:len(command):len(command)], args...)...))
}

// A witness is sessions of the plain Java client, in one process, that say what they are told.
type witness struct {
	*childtest.Child
	told [][]string // of each session, since it was ready
}

// startWitness opens one session for each list of servers. Session i holds the ephemeral path-i,
// and watches path-told. It waits until they are ready.
func startWitness(t *testing.T, command []string, timeout time.Duration, path string, lists ...string) *witness {
	t.Helper()
	args := append([]string{strconv.FormatInt(timeout.Milliseconds(), 10), path}, lists...)
	w := &witness{startProgram(t, command, args...), make([][]string, len(lists))}
	w.listenUntil(t, "its sessions are ready", func() bool { return w.count("ready") == len(lists) })
	clear(w.told)
	return w
}

// listenUntil listens until done reports true.
func (w *witness) listenUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	late := time.After(clustertest.Patience)
	for !done() {
		select {
		case said, ok := <-w.Says:
			if !ok {
				t.Fatalf("the witness has ended before %s; %q", what, w.told)
			}
			w.note(t, said)
		case <-late:
			t.Fatalf("the witness does not say that %s; %q", what, w.told)
		}
	}
}

// note keeps one thing that the witness has said.
func (w *witness) note(t *testing.T, said string) {
	t.Helper()
	number, what, _ := strings.Cut(said, " ")
	i, err := strconv.Atoi(number)
	if err != nil || i >= len(w.told) {
		t.Fatalf("the witness says %q", said)
	}
	w.told[i] = append(w.told[i], what)
}

// count returns how many sessions were told what.
func (w *witness) count(what string) (n int) {
	for _, told := range w.told {
		if slices.Contains(told, what) {
			n++
		}
	}
	return n
}
