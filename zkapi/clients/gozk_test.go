//go:build linux

package clients

import (
	"context"
	"fmt"
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

// goZooKeeperLongest makes ten thousand znodes, one after the other, and takes a third of the time.
const goZooKeeperLongest = "TestIntegration_Children"

// goZooKeeperRaces is one that races with its own client: it kills the server of the connection and
// sends a create at once. Where the client has not seen the end of the connection by then, the create
// is lost with it, whatever the servers do. So it may be run again, for that reason alone.
const (
	goZooKeeperRaces = "TestIntegration_DNSHostProviderReconnect"
	lostItsRace      = "Create returned error: zk: connection closed"
	raceTries        = 4
)

// TestGoZooKeeperItself runs go-zookeeper's own tests. Where they would start ZooKeeper, a script
// starts a member.
func TestGoZooKeeperItself(t *testing.T) {
	t.Parallel()
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
	binary := clustertest.Binary(t)
	// Its servers choose their ports without asking, so that no two of its processes share a network.
	play := func(network []string, args ...string) (string, error) {
		args = append(append(network, program, "-test.v"), args...)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "LOCKKEEPER="+binary, "ZOOKEEPER_BIN_PATH="+scripts)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	var out string
	if os.Geteuid() == 0 { // who may make networks
		network, longest := clustertest.NewNetwork(t, 0).Hub.Exec(), make(chan string, 1)
		go func() {
			out, err := play(network, "-test.run", "^"+goZooKeeperLongest+"$")
			longest <- fmt.Sprintln(out, err)
		}()
		out, err = play(nil, "-test.skip", "^("+goZooKeeperRaces+"|"+goZooKeeperLongest+")$")
		out += <-longest
	} else {
		out, err = play(nil, "-test.skip", "^"+goZooKeeperRaces+"$")
	}
	outcomes := regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\w+)`).FindAllStringSubmatch(out, -1)
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
		lines := strings.Split(out, "\n")
		t.Log(strings.Join(lines[max(0, len(lines)-200):], "\n"))
		return
	}
	for try := 1; ; try++ {
		out, err := play(nil, "-test.run", "^"+goZooKeeperRaces+"$")
		if err == nil && strings.Contains(out, "--- PASS: "+goZooKeeperRaces) {
			passed[goZooKeeperRaces] = true
			break
		}
		if try == raceTries || !strings.Contains(out, lostItsRace) {
			t.Fatalf("%s, try %d: %v\n%s", goZooKeeperRaces, try, err, out[max(0, len(out)-5000):])
		}
	}
	if !passed[goZooKeeperLongest] {
		t.Errorf("%s has not run", goZooKeeperLongest)
	}
	t.Logf("passed: %v", slices.Sorted(maps.Keys(passed)))
}
