//go:build linux

package clients

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// goZooKeeper is the module whose own tests are run.
const goZooKeeper = "github.com/go-zookeeper/zk"

// goZooKeeperSkips are those of its tests that we cannot pass.
var goZooKeeperSkips = map[string]string{
	"TestIntegration_IncrementalReconfig": "skips itself: it needs a ZooKeeper that may be reconfigured, which we refuse to be",
	"TestIntegration_Reconfig":            "skips itself: as before",
}

// goZooKeeperHurries is one that we pass where the machine is not busy: it kills the member that its
// session is at, often the leader, and the session's timeout of a second, which we raise to two, can
// end before the others have elected one.
const goZooKeeperHurries = "^TestIntegration_DNSHostProviderReconnect$"

// TestGoZooKeeperItself runs go-zookeeper's own tests. Where they would start ZooKeeper, a script
// starts a member.
func TestGoZooKeeperItself(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	program := filepath.Join(dir, "zk.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, goZooKeeper).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	scripts, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, "-test.v", "-test.skip", goZooKeeperHurries)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LOCKKEEPER="+clustertest.Binary(t), "ZOOKEEPER_BIN_PATH="+scripts)
	out, err := cmd.CombinedOutput()
	outcomes := regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\w+)`).FindAllStringSubmatch(string(out), -1)
	if len(outcomes) < 40 {
		t.Errorf("only %d tests have run: %v", len(outcomes), err)
	}
	passed := map[string]bool{}
	for _, o := range outcomes {
		switch why := goZooKeeperSkips[o[2]]; {
		case o[1] == "PASS" && why == "":
			passed[o[2]] = true
		case o[1] == "FAIL":
			t.Errorf("%s fails", o[2])
		case why == "" || o[1] == "PASS":
			t.Errorf("%s: %s; in the table: %q", o[2], o[1], why)
		}
	}
	if t.Failed() {
		lines := strings.Split(string(out), "\n")
		t.Log(strings.Join(lines[max(0, len(lines)-200):], "\n"))
		return
	}
	t.Logf("passed: %v", slices.Sorted(maps.Keys(passed)))
}
