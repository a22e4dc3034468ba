//go:build linux

// Package clients runs real ZooKeeper clients against members that are real processes: Apache
// Curator, kazoo and go-zookeeper, by themselves and beside the REST door.
package clients

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// missing ends a test whose peer is not installed.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing; scripts/install-test-deps.sh installs it", what)
	}
	t.Skipf("%s is missing", what)
}

// run runs a suite, and makes a subtest of each line that it prints of a check.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), suiteTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	checks := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		result, check, _ := strings.Cut(lines.Text(), " ")
		if result != "ok" && result != "FAIL" {
			continue
		}
		checks++
		t.Run(check, func(t *testing.T) {
			if result == "FAIL" {
				t.Fail()
			}
		})
	}
	if err != nil || checks == 0 || t.Failed() {
		t.Errorf("%v, %d checks\n%s", err, checks, out)
	}
}

func TestCurator(t *testing.T) {
	jars, err := filepath.Glob("/usr/share/java/*.jar")
	curator, _ := filepath.Glob("/usr/share/java/curator-recipes*.jar")
	if err != nil || len(curator) == 0 {
		missing(t, "Apache Curator (libcurator-recipes-java)")
	}
	for _, tool := range []string{"java", "javac"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, tool)
		}
	}
	dir := t.TempDir()
	path := strings.Join(jars, ":")
	if out, err := exec.CommandContext(t.Context(), "javac", "-nowarn", "-cp", path, "-d", dir, "testdata/Suite.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := clustertest.Start(t, 3, clustertest.Options{})
	run(t, "java", "-cp", path+":"+dir, "Suite", connectString(c))
}

func TestKazoo(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which has Debian's kazoo
	if err := exec.CommandContext(t.Context(), python, "-c", "import kazoo").Run(); err != nil {
		missing(t, "kazoo (python3-kazoo)")
	}
	c := clustertest.Start(t, 3, clustertest.Options{})
	run(t, python, "testdata/suite.py", connectString(c))
}
