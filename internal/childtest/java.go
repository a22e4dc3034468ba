//go:build linux

package childtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// jars is where Debian's packages put the classes of ZooKeeper and Curator, and of what they need.
const jars = "/usr/share/java/zookeeper.jar:/usr/share/java/zookeeper-jute.jar:" +
	"/usr/share/java/curator-client.jar:/usr/share/java/curator-framework.jar:/usr/share/java/curator-recipes.jar:" +
	"/usr/share/java/guava.jar:/usr/share/java/failureaccess.jar:/usr/share/java/netty-all.jar:" +
	"/usr/share/java/slf4j-api.jar:/usr/share/java/slf4j-nop.jar"

// Java compiles a program that stands in one file and uses ZooKeeper or Curator, and returns the
// command line that runs it.
func Java(tb testing.TB, source string) []string {
	tb.Helper()
	if _, err := os.Stat("/usr/share/java/curator-recipes.jar"); err != nil {
		absent.Peer(tb, "Apache Curator (libcurator-recipes-java)")
	}
	absent.Programs(tb, "java", "javac")
	dir := tb.TempDir()
	if out, err := exec.CommandContext(tb.Context(), "javac", "-nowarn", "-cp", jars, "-d", dir, source).CombinedOutput(); err != nil {
		tb.Fatalf("compile %s: %v\n%s", source, err, out)
	}
	// SASL is off: to find its principal, the client would look its server's name up.
	class := strings.TrimSuffix(filepath.Base(source), ".java")
	return []string{"java", "-XX:TieredStopAtLevel=1", "-Dzookeeper.sasl.client=false", "-cp", jars + ":" + dir, class}
}
