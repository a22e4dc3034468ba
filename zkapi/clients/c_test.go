//go:build linux

package clients

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

func TestC(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/include/zookeeper/zookeeper.h"); err != nil {
		absent.Peer(t, "ZooKeeper's C client (libzookeeper-mt-dev)")
	}
	absent.Programs(t, "gcc")
	suite := filepath.Join(t.TempDir(), "suite")
	if out, err := exec.CommandContext(t.Context(), "gcc", "-O1", "-o", suite, "testdata/suite.c", "-lzookeeper_mt").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), suiteTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, suite, connectString(cluster))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said // read once the command has been waited for
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	report(t, cluster, func() (string, bool) {
		more := lines.Scan()
		return lines.Text(), more
	})
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil || t.Failed() {
		t.Errorf("%v\n%s", err, &said)
	}
}
