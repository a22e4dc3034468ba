//go:build linux

// Package sidecartest shows that two sidecars never both say that they lead, whatever dies, stops or is
// cut off: applications, sidecars, members, the network. All of them are real processes.
package sidecartest

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

func TestMain(m *testing.M) {
	clustertest.Main(m)
}
