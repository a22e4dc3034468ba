package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// small runs a scenario for moments, and returns its report.
func small(t *testing.T, name string) string {
	t.Helper()
	return smaller(t, name, "0.1")
}

func smaller(t *testing.T, name, scale string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	dir := t.TempDir()
	if fs := fileSystem(dir); fs == "tmpfs" || fs == "ramfs" {
		absent.Skip(t, "the temporary directory is on %s; TMPDIR says where another one is", fs)
	}
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"-run", name, "-rounds", "1", "-scale", scale, "-dir", dir}, os.Stdin, &out, &log); err != nil {
		t.Fatalf("run: %v\n%s%s", err, out.String(), log.String())
	}
	return out.String()
}

func TestMultiIsMeasured(t *testing.T) {
	report := small(t, "multi")
	judged(t, report, "multi: time of a cycle", "one lock")
}

func TestSidecarIsMeasured(t *testing.T) {
	report := smaller(t, "sidecar", "0.02")
	judged(t, report, "sidecar: memory", "anonymous")
	judged(t, report, "sidecar: CPU", "of a core")
}

func TestRecipesAreMeasured(t *testing.T) {
	absent.Programs(t, "java", "javac")
	if _, err := classPath(); err != nil {
		absent.Skip(t, "%v", err)
	}
	report := small(t, "recipes")
	judged(t, report, "recipes, read: cycles", "Curator's read and Apache ZooKeeper")
	judged(t, report, "recipes, semaphore: cycles", "Curator's semaphore and Apache ZooKeeper")
	judged(t, report, "recipes, election: terms", "Apache ZooKeeper")
	judged(t, report, "recipes, elections: terms", "Apache ZooKeeper")
}

// judged checks that a report has a goal, beside its yardstick, with a verdict.
func judged(t *testing.T, report, goal, yardstick string) {
	t.Helper()
	for line := range strings.Lines(report) {
		if strings.HasPrefix(line, "| "+goal+" |") && strings.Contains(line, yardstick) && (strings.Contains(line, "MET") || strings.Contains(line, "MISSED")) {
			return
		}
	}
	t.Errorf("no verdict on %q beside %q in\n%s", goal, yardstick, report)
}
