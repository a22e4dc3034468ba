//go:build linux

package faults

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A memory is what a process has resident, in bytes.
type memory struct{ now, peak int64 }

// resident reads how much memory a member has.
func resident(t *testing.T, m *clustertest.Member) memory {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.PID()))
	if err != nil {
		t.Fatal(err)
	}
	var r memory
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			r.now = kib << 10
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			r.peak = kib << 10
		}
	}
	return r
}
