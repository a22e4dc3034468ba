//go:build linux

// Package clients runs real ZooKeeper clients against members that are real processes: Apache
// Curator, kazoo, the C client, go-zookeeper and Apache Kafka, by themselves and beside the REST
// door.
package clients

import (
	"flag"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

func TestMain(m *testing.M) {
	// Tests here wait for others more than they compute. Whoever says -parallel is heard after this.
	_ = flag.Set("test.parallel", strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0)))) // the flag exists, and takes numbers
	defer javaHost.close()
	defer pythonHost.close()
	clustertest.Main(m)
}

// atOnce is how many of the parallel tests run at once at least.
const atOnce = 4

// suiteTime bounds a suite.
const suiteTime = 2 * time.Minute

// connectString is what ZooKeeper's clients are given.
func connectString(c *clustertest.Cluster) string {
	var list []string
	for _, m := range c.Members {
		list = append(list, m.ZooKeeper)
	}
	return strings.Join(list, ",")
}

// play has a client run its suite against the cluster, and makes a subtest of each check that it
// reports. The member whose address it says behind "kill" is killed.
func play(t *testing.T, c *clustertest.Cluster, client peer) {
	t.Helper()
	suite := contend(t, c, client)
	report(t, c, func() (string, bool) {
		words, err := suite.hear(3 * patience)
		if err != nil && err != io.EOF {
			t.Error(err)
		}
		return words, err == nil
	})
}

// report reads what a suite says, to the end.
func report(t *testing.T, c *clustertest.Cluster, next func() (line string, more bool)) {
	t.Helper()
	checks := 0
	for {
		line, more := next()
		if !more {
			break
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "kill":
			kill(t, c, rest)
		case "ok", "FAIL":
			checks++
			t.Run(strings.SplitN(rest, ":", 2)[0], func(t *testing.T) {
				if verb == "FAIL" {
					t.Error(rest)
				}
			})
		}
	}
	if checks == 0 {
		t.Error("the suite has checked nothing")
	}
}

// kill kills the member whose ZooKeeper door is at an address.
func kill(t *testing.T, c *clustertest.Cluster, address string) {
	t.Helper()
	i := slices.IndexFunc(c.Members, func(m *clustertest.Member) bool { return m.ZooKeeper == address })
	if i < 0 {
		t.Errorf("no member is at %q", address)
		return
	}
	c.Members[i].Kill(t)
}

// TestCurator shows 6, 111, 115 and 121.
func TestCurator(t *testing.T) {
	t.Parallel()
	play(t, clustertest.Start(t, 3, clustertest.Options{}), curator("suite"))
}

func TestKazoo(t *testing.T) {
	t.Parallel()
	play(t, clustertest.Start(t, 3, clustertest.Options{}), kazoo("suite"))
}
