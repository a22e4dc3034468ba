//go:build linux

// Package clients runs real ZooKeeper clients against members that are real processes: Apache
// Curator, kazoo, the C client, go-zookeeper and Apache Kafka, by themselves and beside the REST
// door.
package clients

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

func TestMain(m *testing.M) {
	clustertest.Main(m)
}

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

// run runs a suite against the cluster, and makes a subtest of each line that it prints of a
// check. The member whose address a suite prints behind "kill" is killed.
func run(t *testing.T, c *clustertest.Cluster, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), suiteTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, append(args, connectString(c))...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said // read once the command has been waited for, as the rest of said is
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	checks := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "kill":
			kill(t, c, rest)
		case "ok", "FAIL":
			checks++
			t.Run(rest, func(t *testing.T) {
				if verb == "FAIL" {
					t.Fail()
				}
			})
		}
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil || checks == 0 || t.Failed() {
		t.Errorf("%v, %d checks\n%s%s", err, checks, &printed, &said)
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

// python is Debian's, which has Debian's kazoo.
const python = "/usr/bin/python3"

// curator returns the command that runs the suite of Apache Curator.
func curator(t *testing.T, args ...string) []string {
	t.Helper()
	return curatorProgram(t, "Suite", args...)
}

// curatorProgram compiles a program of testdata that uses Apache Curator, and returns the command
// that runs it.
func curatorProgram(t *testing.T, class string, args ...string) []string {
	t.Helper()
	jars, err := filepath.Glob("/usr/share/java/*.jar")
	recipes, _ := filepath.Glob("/usr/share/java/curator-recipes*.jar")
	if err != nil || len(recipes) == 0 {
		absent.Peer(t, "Apache Curator (libcurator-recipes-java)")
	}
	absent.Programs(t, "java", "javac")
	dir := t.TempDir()
	path := strings.Join(jars, ":")
	if out, err := exec.CommandContext(t.Context(), "javac", "-nowarn", "-cp", path, "-d", dir, "testdata/"+class+".java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return with([]string{"java", "-cp", path + ":" + dir, class}, args...)
}

// with adds arguments to a command.
func with(command []string, args ...string) []string {
	return append(slices.Clip(command), args...)
}

// kazoo returns the command that runs the suite of kazoo.
func kazoo(t *testing.T) []string {
	t.Helper()
	if err := exec.CommandContext(t.Context(), python, "-c", "import kazoo").Run(); err != nil {
		absent.Peer(t, "kazoo (python3-kazoo)")
	}
	return []string{python, "testdata/suite.py"}
}

// TestCurator shows 6, 111, 115 and 121.
func TestCurator(t *testing.T) {
	suite := curator(t)
	run(t, clustertest.Start(t, 3, clustertest.Options{}), suite[0], suite[1:]...)
}

func TestKazoo(t *testing.T) {
	suite := kazoo(t)
	run(t, clustertest.Start(t, 3, clustertest.Options{}), suite[0], suite[1:]...)
}
