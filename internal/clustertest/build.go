//go:build linux

package clustertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const program = "github.com/lockkeeper/lockkeeper/cmd/lockkeeper"

// A build is the program as this process of tests has built it.
type build struct {
	mu   sync.Mutex
	dir  string
	path string
	err  error
}

var built build

// Main runs m's tests and then removes the program that they had built. A TestMain calls it,
// and returns when it does: the exit code is then that of the tests.
func Main(m *testing.M) {
	defer built.remove()
	m.Run()
}

// Binary returns the path of the program, built without the race detector and as static as it
// is delivered. The first call builds it; the others wait for that.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := built.get()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func (b *build) get() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.path != "" || b.err != nil {
		return b.path, b.err
	}
	if b.dir, b.err = os.MkdirTemp("", "lockkeeper-bin-"); b.err != nil {
		return "", b.err
	}
	path := filepath.Join(b.dir, "lockkeeper")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", path, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.err = fmt.Errorf("build %s: %w\n%s", program, err, out)
		return "", b.err
	}
	b.path = path
	return path, nil
}

func (b *build) remove() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}
