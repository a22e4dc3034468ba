// Package absent ends tests for which something is missing on the machine: they are skipped, but
// fail where the variable CI is true, since there everything should be.
package absent

import (
	"os"
	"os/exec"
	"testing"
)

// Skip ends a test and says what is missing, or why it cannot be had.
func Skip(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf(format+"; scripts/install-test-deps.sh installs what tests need", args...)
	} else {
		tb.Skipf(format, args...)
	}
}

// Peer does so for a program or a library that is not installed.
func Peer(tb testing.TB, what string) {
	tb.Helper()
	Skip(tb, "%s is missing", what)
}

// Programs does so for those of the programs that are not in PATH.
func Programs(tb testing.TB, names ...string) {
	tb.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			Peer(tb, name)
		}
	}
}
