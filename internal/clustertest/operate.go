//go:build linux

package clustertest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/freeport"
)

// An Ended is what a command came to.
type Ended struct {
	Out, Err string
	Code     int
}

// Command runs the program as an operator would, with the doors of the cluster's running members
// as its endpoints, and waits until it ends.
func (c *Cluster) Command(tb testing.TB, args ...string) Ended {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Patience)
	defer cancel()
	var endpoints []string
	for _, m := range c.Members {
		if m.Running() {
			endpoints = append(endpoints, m.URL())
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, Binary(tb), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(environment(), "LOCKKEEPER_ENDPOINTS="+strings.Join(endpoints, ","))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		tb.Fatalf("run %v: %v", args, err)
	}
	ended := Ended{Out: stdout.String(), Err: stderr.String()}
	if failed {
		ended.Code = exit.ExitCode()
	}
	return ended
}

// Done runs the program as Command does, fails the test unless it ends with 0, and returns what it
// printed.
func (c *Cluster) Done(tb testing.TB, args ...string) string {
	tb.Helper()
	e := c.Command(tb, args...)
	if e.Code != 0 {
		tb.Fatalf("lockkeeper %s ends with %d: %s%s", strings.Join(args, " "), e.Code, e.Out, e.Err)
	}
	return e.Out
}

// NewMember prepares a member on loopback that belongs to no cluster yet; flags say which. It ends
// with the test; Restart starts it.
func NewMember(tb testing.TB, name string, flags ...string) *Member {
	tb.Helper()
	ports := freeport.Ports(tb, 4)
	dir := tb.TempDir()
	m := &Member{
		Name: name, dir: dir, DataDir: filepath.Join(dir, name),
		HTTP: loopback(ports[0]), Client: loopback(ports[1]), Peer: loopback(ports[2]), ZooKeeper: loopback(ports[3]),
	}
	m.command = append([]string{
		Binary(tb), "serve", "--name", m.Name, "--data-dir", m.DataDir,
		"--http-listen", m.HTTP, "--client-listen", m.Client, "--peer-listen", m.Peer, "--zookeeper-listen", m.ZooKeeper,
	}, flags...)
	tb.Cleanup(func() { m.end(tb) })
	return m
}

// Of makes a cluster of members that were prepared one by one.
func Of(members ...*Member) *Cluster {
	dial := (&net.Dialer{}).DialContext
	return &Cluster{
		Members: members, dial: dial,
		http: &http.Client{Timeout: askTimeout, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}},
	}
}

// Gone waits until the member's process has ended by itself, and returns what it ended with.
func (m *Member) Gone(tb testing.TB) error {
	tb.Helper()
	m.mu.Lock()
	exited := m.exited
	m.mu.Unlock()
	return m.gone(tb, exited)
}

// WaitLeads waits until m leads.
func (c *Cluster) WaitLeads(tb testing.TB, m *Member) {
	tb.Helper()
	Eventually(tb, Patience, m.Name+" leads", func() bool {
		ctx, cancel := context.WithTimeout(tb.Context(), time.Second)
		defer cancel()
		s, err := c.Status(ctx, m)
		return err == nil && s.Leader == m.Name
	})
}
