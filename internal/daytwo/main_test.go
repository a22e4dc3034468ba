//go:build linux

// Package daytwo shows what operators do to running members: change who is in the cluster, save and
// restore it, look after it. Its members are real processes, and so are the commands.
package daytwo

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

func TestMain(m *testing.M) {
	clustertest.Main(m)
}
