//go:build linux

// Package faults shows what the service does when processes die, pause and restart, when the
// network is cut, when clients misbehave and when the disk runs full. Its members are real
// processes; what the tests measure they log.
package faults

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

func TestMain(m *testing.M) {
	makeRoom()
	clustertest.Main(m)
}
