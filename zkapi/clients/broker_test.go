//go:build linux

package clients

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/freeport"
)

const (
	kafkaRoot    = "/kafka"         // the brokers' chroot
	kafkaTimeout = 10 * time.Second // of their sessions
	kafkaTime    = time.Minute      // bounds what brokers and their clients do in one step
	mavenTime    = 4 * time.Minute  // bounds a first download
)

// kafkaClasses has Maven look for Kafka's classes, and compiles the program that uses them. Maven
// keeps the classes where it keeps everything, so that it asks the network for them once.
func kafkaClasses(t *testing.T) (path string) {
	t.Helper()
	absent.Programs(t, "java", "javac", "mvn")
	dir := t.TempDir()
	list := filepath.Join(dir, "path")
	maven := func(how ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), mavenTime)
		defer cancel()
		args := append(how, "-B", "-q", "-f", "testdata/kafka/pom.xml", "dependency:build-classpath", "-Dmdep.outputFile="+list)
		return exec.CommandContext(ctx, "mvn", args...).CombinedOutput()
	}
	if _, err := maven("-o"); err != nil {
		if out, err := maven(); err != nil {
			absent.Skip(t, "Maven does not bring Apache Kafka: %v\n%s", err, out)
		}
	}
	jars, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	path = strings.TrimSpace(string(jars)) + ":" + dir
	if out, err := exec.CommandContext(t.Context(), "javac", "-cp", path, "-d", dir, "testdata/kafka/Records.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// kafkaJava are the flags of a Java that is small and starts quickly. SASL is off: to find its
// principal, the client would look its server's name up.
func kafkaJava(path string) []string {
	return []string{
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dzookeeper.sasl.client=false", "-Dlog4j.configuration=file:testdata/kafka/log4j.properties", "-cp", path,
	}
}

// A broker is one of Kafka's, as a process.
type broker struct {
	id      int
	address string
	log     string // a file
	process *os.Process
}

// startBroker starts a broker that knows all members. It ends with the test.
func startBroker(t *testing.T, path string, c *clustertest.Cluster, id int) *broker {
	t.Helper()
	dir := t.TempDir()
	b := &broker{id: id, address: fmt.Sprintf("127.0.0.1:%d", freeport.Ports(t, 1)[0]), log: filepath.Join(dir, "log")}
	settings := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf("broker.id=%d\nlisteners=PLAINTEXT://%s\nlog.dirs=%s\nzookeeper.connect=%s%s\n"+
		"zookeeper.session.timeout.ms=%d\nzookeeper.connection.timeout.ms=%d\n"+
		"auto.create.topics.enable=false\noffsets.topic.num.partitions=1\noffsets.topic.replication.factor=2\n"+
		"group.initial.rebalance.delay.ms=0\nlog.cleaner.enable=false\nnum.io.threads=2\nnum.network.threads=2\n",
		id, b.address, filepath.Join(dir, "records"), connectString(c), kafkaRoot, kafkaTimeout.Milliseconds(), kafkaTime.Milliseconds())
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(b.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// Not the test's context: its end would kill it before the clean-up is there to wait.
	cmd := exec.CommandContext(context.Background(), "java", append(kafkaJava(path), "kafka.Kafka", settings)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.process = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
		if t.Failed() {
			said, _ := os.ReadFile(b.log)
			t.Logf("the end of the log of broker %d:\n%s", id, said[max(0, len(said)-8000):])
		}
	})
	return b
}

// signal stops a broker in its tracks, or lets it go on.
func (b *broker) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := b.process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// registered waits until a broker has registered itself by a change after the zxid that is given, and
// takes that change's for its epoch. It returns this epoch, and the session that it registered with.
func (b *broker) registered(t *testing.T, c *zk.Conn, after int64) (epoch, session int64) {
	t.Helper()
	clustertest.Eventually(t, kafkaTime, fmt.Sprintf("broker %d's registration", b.id), func() bool {
		data, s, err := c.Get(fmt.Sprintf("%s/brokers/ids/%d", kafkaRoot, b.id))
		if err != nil || s.Czxid <= after {
			return false
		}
		if s.EphemeralOwner == 0 || !bytes.Contains(data, []byte("PLAINTEXT://"+b.address)) {
			t.Fatalf("broker %d is registered as %s, %+v", b.id, data, s)
		}
		epoch, session = s.Czxid, s.EphemeralOwner
		return true
	})
	clustertest.Eventually(t, kafkaTime, fmt.Sprintf("the epoch %d in the log of broker %d", epoch, b.id), func() bool {
		return b.epoch(t) == epoch
	})
	return epoch, session
}

// brokerEpoch is what a broker says when it has registered itself.
var brokerEpoch = regexp.MustCompile(`Registered broker \d+ at path \S+ with addresses: .*, czxid \(broker epoch\): (\d+)`)

// epoch is the epoch that a broker says it has; 0 before it says so.
func (b *broker) epoch(t *testing.T) int64 {
	t.Helper()
	said, err := os.ReadFile(b.log)
	if err != nil {
		t.Fatal(err)
	}
	all := brokerEpoch.FindAllSubmatch(said, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(all[len(all)-1][1]), 10, 64)
	return n
}
