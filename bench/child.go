package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/lockkeeper/lockkeeper/server"
)

// Servers run in processes of their own, so that callers share neither their heap nor their
// processor time: bench starts itself again, as a child. Parent and child talk in lines over the
// child's standard input and output, and the child ends with its input.

// A childConfig says what a child is to be.
type childConfig struct {
	Kind    string   // "member", "etcd", "sleeper", or "empty": an HTTP server that answers everything with nothing
	Name    string   // of a member or an etcd; empty: a default
	Dir     string   // of its data
	Ports   ports    // where it listens
	Cluster string   // the founders as name=peer URL, separated by commas; empty: it is alone
	Args    []string // of a member that is the binary: what it is told besides
	Doors   bool     // of a member: ZooKeeper's clients are served, too

	Endpoint string // of a sleeper: the member it has its sessions at
	Streams  int    // of a sleeper
	Sessions int    // of a sleeper, on all its streams
}

// What a parent asks. An answer is one line: numbers in JSON, or "ok".
const (
	askUsage   = "usage"
	askProfile = "profile " // and the files' path
	askStop    = "stop profile"
	askSettle  = "settle" // collect garbage, and give back what is free
)

// A childUsage is what a child has used since its start.
type childUsage struct {
	CPU      int64 // nanoseconds
	Resident int64 // bytes in memory
	Mapped   int64 // bytes of them that are a file's
	Heap     int64 // bytes of Go's objects, garbage included
}

// beChild is what a child does instead of running benchmarks.
func beChild(ctx context.Context, text string, stdin io.Reader, stdout io.Writer) error {
	var cfg childConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return fmt.Errorf("-child: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	ready := func(address string) { fmt.Fprintln(stdout, "ready", address) }
	wg.Go(func() {
		defer cancel()
		obey(stdin, stdout)
	})
	var err error
	switch cfg.Kind {
	case "member":
		err = beMember(ctx, cfg, ready)
	case "etcd":
		err = beEtcd(ctx, cfg, ready)
	case "sleeper":
		err = beSleeper(ctx, cfg, ready)
	case "empty":
		err = beEmpty(ctx, ready)
	default:
		err = fmt.Errorf("-child: no kind %q", cfg.Kind)
	}
	if ctx.Err() == nil {
		return err // without waiting: the parent may not have closed the input
	}
	wg.Wait()
	return err
}

// beMember is `lockkeeper serve`, with its log in silence.
func beMember(ctx context.Context, cfg childConfig, ready func(string)) error {
	c := server.DefaultConfig()
	c.Name, c.DataDir = cmp.Or(cfg.Name, memberName), cfg.Dir
	c.InitialCluster = cfg.founders()
	c.HTTPListen, c.ZooKeeperListen = "127.0.0.1:0", cfg.zooKeeper()
	c.ZooKeeper.MaxClientCnxns = 0
	c.ClientListen = fmt.Sprintf("127.0.0.1:%d", cfg.Ports.Client)
	c.PeerListen = fmt.Sprintf("127.0.0.1:%d", cfg.Ports.Peer)
	return server.Run(ctx, c, func(at server.Addresses) { ready(at.HTTP) })
}

// zooKeeper is where a member listens for ZooKeeper's clients.
func (c *childConfig) zooKeeper() string {
	if !c.Doors {
		return server.Off
	}
	return fmt.Sprintf("127.0.0.1:%d", c.Ports.ZooKeeper)
}

// founders are the cluster's, by name.
func (c *childConfig) founders() map[string]string {
	var m map[string]string
	for _, founder := range strings.FieldsFunc(c.Cluster, func(r rune) bool { return r == ',' }) {
		if m == nil {
			m = map[string]string{}
		}
		name, url, _ := strings.Cut(founder, "=")
		m[name] = url
	}
	return m
}

// beEmpty is the least that a server of the same making costs: net/http, gin, one route for
// everything, and an answer without a body.
func beEmpty(ctx context.Context, ready func(string)) error {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.POST("/*path", func(g *gin.Context) { g.Status(http.StatusOK) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: e}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	ready(l.Addr().String())
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// obey answers the parent until its output ends.
func obey(stdin io.Reader, stdout io.Writer) {
	stop := func() error { return nil }
	for lines := bufio.NewScanner(stdin); lines.Scan(); {
		line := lines.Text()
		path, profile := strings.CutPrefix(line, askProfile)
		var err error
		switch {
		case line == askUsage:
			text, _ := json.Marshal(ownUsage()) // numbers
			fmt.Fprintln(stdout, string(text))
			continue
		case profile:
			runtime.GC()
			stop, err = profileTo(path)
		case line == askStop:
			err = stop()
		case line == askSettle:
			debug.FreeOSMemory()
		default:
			err = fmt.Errorf("no command %q", line)
		}
		if err != nil {
			fmt.Fprintln(stdout, "error:", err)
		} else {
			fmt.Fprintln(stdout, "ok")
		}
	}
}
