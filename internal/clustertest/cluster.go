//go:build linux

package clustertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/freeport"
)

// Options say what cluster to start. The zero Options are members on loopback with the
// program's defaults and data in temporary directories.
type Options struct {
	Flags   []string // given to every member, after those that the cluster needs
	Network *Network // the members run in its namespaces; nil: on loopback
	DataDir string   // under which each member has its directory; empty: a temporary one
}

// A Cluster is members that were started together. They end with the test.
type Cluster struct {
	Members []*Member

	dial Dial
	http *http.Client // for questions to single members
}

// Dial opens a connection as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// askTimeout bounds one question to one member.
const askTimeout = 3 * time.Second

// Start starts a cluster of n members, named m1 to mN, and waits until all are ready and agree
// on a leader.
func Start(tb testing.TB, n int, o Options) *Cluster {
	tb.Helper()
	binary := Binary(tb)
	c := &Cluster{dial: (&net.Dialer{}).DialContext}
	if o.Network != nil {
		c.dial = o.Network.Hub.Dial
	}
	c.http = &http.Client{Timeout: askTimeout, Transport: &http.Transport{DialContext: c.dial, DisableKeepAlives: true}}
	dir := tb.TempDir()
	var founders []string
	for i := range n {
		m := &Member{Name: fmt.Sprintf("m%d", i+1), dir: dir, DataDir: filepath.Join(dir, fmt.Sprintf("m%d", i+1))}
		if o.DataDir != "" {
			m.DataDir = filepath.Join(o.DataDir, m.Name)
		}
		if o.Network != nil {
			ns := o.Network.Members[i]
			m.HTTP, m.Client, m.Peer = ns.Address+":7070", ns.Address+":2379", ns.Address+":2380"
			m.ZooKeeper = ns.Address + ":2181"
			m.command = append(ns.Exec(), binary)
		} else {
			ports := freeport.Ports(tb, 4)
			m.HTTP, m.Client, m.Peer, m.ZooKeeper = loopback(ports[0]), loopback(ports[1]), loopback(ports[2]), loopback(ports[3])
			m.command = []string{binary}
		}
		c.Members = append(c.Members, m)
		founders = append(founders, m.Name+"=http://"+m.Peer)
	}
	for _, m := range c.Members {
		m.command = append(m.command, "serve", "--name", m.Name, "--data-dir", m.DataDir,
			"--http-listen", m.HTTP, "--client-listen", m.Client, "--peer-listen", m.Peer, "--zookeeper-listen", m.ZooKeeper)
		if n > 1 {
			m.command = append(m.command, "--initial-cluster", strings.Join(founders, ","))
		}
		if o.Network != nil {
			m.command = append(m.command, "--insecure-client-listen")
		}
		m.command = append(m.command, o.Flags...)
	}
	tb.Cleanup(func() { c.end(tb) })
	for _, m := range c.Members {
		m.start(tb)
	}
	c.WaitReady(tb, c.Members...)
	c.WaitLeader(tb)
	return c
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func (c *Cluster) end(tb testing.TB) {
	for _, m := range c.Members {
		m.end(tb)
	}
}

// KillAll ends every member with SIGKILL, at once, and waits until all are gone.
func (c *Cluster) KillAll(tb testing.TB) {
	tb.Helper()
	c.endAll(tb, syscall.SIGKILL)
}

// StopAll ends every member with SIGTERM, at once, waits until all are gone, and fails the test
// for those that did not end in order.
func (c *Cluster) StopAll(tb testing.TB) {
	tb.Helper()
	for i, err := range c.endAll(tb, syscall.SIGTERM) {
		if err != nil {
			tb.Errorf("%s was to stop in order: %v", c.Members[i].Name, err)
		}
	}
}

func (c *Cluster) endAll(tb testing.TB, sig syscall.Signal) []error {
	tb.Helper()
	exited := make([]chan struct{}, len(c.Members))
	for i, m := range c.Members {
		exited[i] = m.signal(tb, sig, true)
	}
	errs := make([]error, len(c.Members))
	for i, m := range c.Members {
		errs[i] = m.gone(tb, exited[i])
	}
	return errs
}

// Endpoints returns the URLs of all members' REST doors.
func (c *Cluster) Endpoints() []string {
	var urls []string
	for _, m := range c.Members {
		urls = append(urls, m.URL())
	}
	return urls
}

// Dial opens a connection to a member, as its clients do.
func (c *Cluster) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return c.dial(ctx, network, address)
}

// Member returns the member whose REST door is at url, or nil.
func (c *Cluster) Member(url string) *Member {
	for _, m := range c.Members {
		if m.URL() == url {
			return m
		}
	}
	return nil
}

// Others returns all members but m.
func (c *Cluster) Others(m *Member) []*Member {
	var others []*Member
	for _, x := range c.Members {
		if x != m {
			others = append(others, x)
		}
	}
	return others
}

// WaitReady waits until each of members says that it is ready.
func (c *Cluster) WaitReady(tb testing.TB, members ...*Member) {
	tb.Helper()
	for _, m := range members {
		Eventually(tb, Patience, m.Name+" is ready", func() bool {
			if m.ended() {
				tb.Fatalf("%s ended before it was ready", m.Name)
			}
			r, err := c.Readiness(tb.Context(), m)
			if err != nil || r.HTTP != http.StatusOK {
				return false
			}
			m.ready()
			return true
		})
	}
}

// A Readiness is what a member says when it is asked whether it is ready.
type Readiness struct {
	HTTP        int    `json:"-"` // the answer's status
	Status      string `json:"status"`
	Reason      string `json:"reason"`
	Quorum      bool   `json:"quorum"`
	StorageFull bool   `json:"storage_full"`
	Leader      string `json:"leader"`
	Revision    int64  `json:"revision"`
}

// Readiness asks m whether it is ready, through the cluster's own network.
func (c *Cluster) Readiness(ctx context.Context, m *Member) (Readiness, error) {
	var r Readiness
	var err error
	r.HTTP, err = ask(ctx, c.http, m.URL()+"/readyz", &r)
	return r, err
}

// A Status is what a member tells about its cluster.
type Status struct {
	Member   string `json:"member"`
	Leader   string `json:"leader"`
	Epoch    int64  `json:"epoch"`
	Revision int64  `json:"revision"`
	Sessions int    `json:"sessions"`
	Locks    int    `json:"locks"`
}

// Status asks m about the cluster.
func (c *Cluster) Status(ctx context.Context, m *Member) (Status, error) {
	var s Status
	_, err := ask(ctx, c.http, m.URL()+"/v1/status", &s)
	return s, err
}

// ask decodes the answer to a GET, whatever its status.
func ask(ctx context.Context, client *http.Client, url string, into any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(into)
}

// Leader returns the member that a majority of the cluster says is the leader, itself included
// and not among except; nil if there is none now.
func (c *Cluster) Leader(ctx context.Context, except ...*Member) *Member {
	votes := map[string]int{}
	own := map[string]bool{}
	for _, m := range c.Members {
		if !m.Running() || slices.Contains(except, m) {
			continue
		}
		s, err := c.Status(ctx, m)
		if err != nil || s.Leader == "" {
			continue
		}
		votes[s.Leader]++
		own[m.Name] = s.Leader == m.Name
	}
	for _, m := range c.Members {
		if own[m.Name] && votes[m.Name] > len(c.Members)/2 {
			return m
		}
	}
	return nil
}

// WaitLeader waits until there is a leader, not among except, and returns it. Members that are
// paused or cut off must be among except: they would only be waited for.
func (c *Cluster) WaitLeader(tb testing.TB, except ...*Member) *Member {
	tb.Helper()
	var leader *Member
	Eventually(tb, Patience, "a leader", func() bool {
		leader = c.Leader(tb.Context(), except...)
		return leader != nil
	})
	return leader
}
