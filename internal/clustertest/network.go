//go:build linux

package clustertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// A Network is network namespaces for members, joined by a bridge in one more, the hub, where
// their clients are. Nothing of it is seen outside: its addresses exist in these namespaces
// only.
type Network struct {
	Hub     *Namespace
	Members []*Namespace
}

// A Namespace is one network namespace, with a loopback of its own.
type Namespace struct {
	Address string // its only address besides loopback

	name string
	port string // of the hub's bridge, that leads here; empty: this is the hub
}

// namespacePrefix begins the names of our namespaces; the number of the process that made them
// follows, and that of the network in it.
const namespacePrefix = "lockkeeper-test-"

var networks atomic.Int64 // how many this process has made

// NewNetwork makes a network for n members. It is removed when the test ends. Where it cannot be
// made for want of rights or of the ip command, the test is skipped, but fails where CI is true.
func NewNetwork(tb testing.TB, n int) *Network {
	tb.Helper()
	if why := noNetwork(); why != "" {
		absent.Skip(tb, "network namespaces: %s", why)
	}
	removeStale(tb)
	w := &Network{}
	number := networks.Add(1)
	name := func(what string) string {
		return fmt.Sprintf("%s%d-%d-%s", namespacePrefix, os.Getpid(), number, what)
	}
	add := func(what, address string) *Namespace {
		ns := &Namespace{name: name(what), Address: address}
		ip(tb, "netns", "add", ns.name)
		tb.Cleanup(func() { ip(tb, "netns", "del", ns.name) })
		ip(tb, "-n", ns.name, "link", "set", "lo", "up")
		return ns
	}
	w.Hub = add("hub", "10.77.0.254")
	hub := w.Hub.name
	ip(tb, "-n", hub, "link", "add", "bridge0", "type", "bridge")
	ip(tb, "-n", hub, "address", "add", w.Hub.Address+"/24", "dev", "bridge0")
	ip(tb, "-n", hub, "link", "set", "bridge0", "up")
	for i := range n {
		ns := add(fmt.Sprintf("m%d", i+1), fmt.Sprintf("10.77.0.%d", i+1))
		ns.port = fmt.Sprintf("port%d", i+1)
		ip(tb, "-n", hub, "link", "add", ns.port, "type", "veth", "peer", "name", "eth0", "netns", ns.name)
		ip(tb, "-n", hub, "link", "set", ns.port, "master", "bridge0", "up")
		ip(tb, "-n", ns.name, "address", "add", ns.Address+"/24", "dev", "eth0")
		ip(tb, "-n", ns.name, "link", "set", "eth0", "up")
		w.Members = append(w.Members, ns)
	}
	return w
}

// noNetwork says why namespaces cannot be made here; empty: they can.
func noNetwork() string {
	if os.Geteuid() != 0 {
		return "only root can make them"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "the command ip (package iproute2) is missing"
	}
	return ""
}

// removeStale removes namespaces of test processes that were killed and could not clean up.
func removeStale(tb testing.TB) {
	names, _ := filepath.Glob("/var/run/netns/" + namespacePrefix + "*") // the pattern is well formed
	for _, path := range names {
		name := filepath.Base(path)
		number, _, _ := strings.Cut(strings.TrimPrefix(name, namespacePrefix), "-")
		pid, err := strconv.Atoi(number)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			ip(tb, "netns", "del", name)
		}
	}
}

// ip runs the command of that name, also after the test's context has ended.
func ip(tb testing.TB, args ...string) {
	tb.Helper()
	if out, err := exec.CommandContext(context.Background(), "ip", args...).CombinedOutput(); err != nil {
		tb.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// Cut cuts a namespace off from all others; packets to and from it vanish.
func (w *Network) Cut(tb testing.TB, ns *Namespace) {
	tb.Helper()
	ip(tb, "-n", w.Hub.name, "link", "set", ns.port, "down")
}

// Heal undoes Cut.
func (w *Network) Heal(tb testing.TB, ns *Namespace) {
	tb.Helper()
	ip(tb, "-n", w.Hub.name, "link", "set", ns.port, "up")
}

// Exec returns the beginning of a command line that runs a program in the namespace, in the
// process that it starts.
func (ns *Namespace) Exec() []string { return []string{"ip", "netns", "exec", ns.name} }

// Dial opens a connection from inside the namespace. address must be a literal address, so that
// nothing but this goroutine's own thread has to look it up and connect.
func (ns *Namespace) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	runtime.LockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer here.Close()
	there, err := os.Open("/var/run/netns/" + ns.name)
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter %s: %w", ns.name, err)
	}
	conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
	if back := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); back != nil {
		// The thread stays locked, and so ends with this goroutine: nobody else may use it.
		if conn != nil {
			conn.Close()
		}
		return nil, fmt.Errorf("leave %s: %w", ns.name, back)
	}
	runtime.UnlockOSThread()
	return conn, err
}
