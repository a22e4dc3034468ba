package supervise

import (
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the tests run this test binary as a guard, and as one that asks for a command.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "guard":
		fd, err := strconv.Atoi(os.Args[2])
		if err != nil || Serve(fd) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	case len(os.Args) == 3 && os.Args[1] == "asker":
		ask(os.Args[2])
		os.Exit(0)
	case len(os.Args) == 3 && os.Args[1] == "contained":
		os.Exit(contained(os.Args[2]))
	case len(os.Args) == 3 && os.Args[1] == "init":
		os.Exit(first(os.Args[2]))
	}
	// Under the race detector each process sleeps a second before it ends; those that are started
	// here have nothing to say any more.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=1"); err != nil {
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
