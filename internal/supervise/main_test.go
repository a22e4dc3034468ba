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
	}
	goleak.VerifyTestMain(m)
}
