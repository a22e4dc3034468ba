//go:build linux

package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

func TestC(t *testing.T) {
	if _, err := os.Stat("/usr/include/zookeeper/zookeeper.h"); err != nil {
		absent.Peer(t, "ZooKeeper's C client (libzookeeper-mt-dev)")
	}
	absent.Programs(t, "gcc")
	suite := filepath.Join(t.TempDir(), "suite")
	if out, err := exec.CommandContext(t.Context(), "gcc", "-O1", "-o", suite, "testdata/suite.c", "-lzookeeper_mt").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run(t, clustertest.Start(t, 3, clustertest.Options{}), suite)
}
