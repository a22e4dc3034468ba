package zktest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/freeport"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
)

const (
	jars     = "/usr/share/java/"
	mainName = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
	patience = 60 * time.Second
)

// SuperDigest is that of super:test, which the servers are started with.
const SuperDigest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="

// Apache starts Apache ZooKeeper, alone or as an ensemble of n, and returns the addresses for
// clients once all serve. The servers are killed at the test's end.
func Apache(tb testing.TB, n int) []string {
	tb.Helper()
	path := classPath(tb)
	absent.Programs(tb, "java")
	ports := freeport.Ports(tb, 3*n)
	ensemble := ""
	for i := range n {
		if n > 1 {
			ensemble += fmt.Sprintf("server.%d=127.0.0.1:%d:%d\n", i+1, ports[3*i+1], ports[3*i+2])
		}
	}
	var addresses []string
	for i := range n {
		addresses = append(addresses, startApache(tb, path, i+1, ports[3*i], ensemble))
	}
	for _, address := range addresses {
		await(tb, address)
	}
	return addresses
}

func classPath(tb testing.TB) string {
	list, err := filepath.Glob(jars + "*.jar")
	server, _ := filepath.Glob(jars + "zookeeper-3*.jar")
	if err != nil || len(server) == 0 {
		absent.Peer(tb, "Apache ZooKeeper (zookeeper)")
	}
	return strings.Join(list, ":")
}

// startApache starts one server.
func startApache(tb testing.TB, path string, id, port int, ensemble string) (address string) {
	tb.Helper()
	dir := tb.TempDir()
	text := fmt.Sprintf("tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\nadmin.enableServer=false\n"+
		"4lw.commands.whitelist=*\nextendedTypesEnabled=true\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\n%s", dir, port, ensemble)
	config := filepath.Join(dir, "zoo.cfg")
	for name, content := range map[string]string{config: text, filepath.Join(dir, "myid"): fmt.Sprintln(id)} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	var out output
	cmd := exec.Command("java", "-Dzookeeper.DigestAuthenticationProvider.superDigest="+SuperDigest,
		"-Dznode.container.checkIntervalMs=3600000", "-Dzookeeper.extendedTypesEnabled=true", "-Dzookeeper.enforceQuota=true", "-cp", path, mainName, config)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
		if tb.Failed() {
			tail := out.String()
			tb.Logf("the end of Apache ZooKeeper's log: %s", tail[max(0, len(tail)-2000):])
		}
	})
	// A client that comes while the server starts can keep it from ever serving.
	until(tb, "the last line of its start", func() bool { return strings.Contains(out.String(), "ZKAuditProvider") })
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// await waits until a server opens sessions.
func await(tb testing.TB, address string) {
	tb.Helper()
	until(tb, "a session of Apache ZooKeeper at "+address, func() bool {
		c, err := Dial(address, 10*time.Second, jute.ConnectResponse{}, 0)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
}

func until(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("there never was %s", what)
		}
	}
}

// An output is what a process has written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write is part of io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Word sends a four-letter word and returns the answer; empty where there is none.
func Word(address, word string) string {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return ""
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write([]byte(word)); err != nil {
		return ""
	}
	text, _ := io.ReadAll(nc)
	return string(text)
}

// Follows reports whether a server is an ensemble's follower.
func Follows(address string) bool { return strings.Contains(Word(address, "srvr"), "Mode: follower") }
