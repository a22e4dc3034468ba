package zkapi_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/server"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/zkapi/zktest"
	"github.com/lockkeeper/lockkeeper/znode"
)

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// reaping is how often containers and TTL znodes are looked at.
const reaping = 100 * time.Millisecond

// superDigest is that of super:test.
const superDigest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="

// member is where the one member of these tests serves ZooKeeper's clients, and its REST door.
var member server.Addresses

// TestMain runs one member for all tests: they use different parts of its tree.
func TestMain(m *testing.M) {
	code, err := withMember(m.Run)
	if err != nil {
		log.Print(err)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(quorumtest.IgnoreEtcd()...); err != nil {
			log.Print(err)
			code = 1
		}
	}
	os.Exit(code)
}

func withMember(run func() int) (code int, err error) {
	cfg := server.DefaultConfig()
	cfg.Heartbeat, cfg.Election = 20*time.Millisecond, 200*time.Millisecond
	cfg.HTTPListen, cfg.ZooKeeperListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.ZooKeeper.ContainerCheck = reaping
	for _, address := range []*string{&cfg.ClientListen, &cfg.PeerListen} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		*address = l.Addr().String()
		defer l.Close()
		if err := l.Close(); err != nil {
			return 0, err
		}
	}
	if cfg.DataDir, err = os.MkdirTemp("", "zkapi-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(cfg.DataDir)
	cfg.ZooKeeper.SuperDigestFile = filepath.Join(cfg.DataDir, "super")
	if err := os.WriteFile(cfg.ZooKeeper.SuperDigestFile, []byte(superDigest), 0o600); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, result := make(chan server.Addresses, 1), make(chan error, 1)
	go func() { result <- server.Run(ctx, cfg, func(at server.Addresses) { ready <- at }) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-result)
	}()
	select {
	case member = <-ready:
	case err := <-result:
		result <- err
		return 0, err
	}
	if freshRoot, err = firstLook(); err != nil {
		return 0, err
	}
	return run(), nil
}

// freshRoot is the root's Stat before anything was done.
var freshRoot znode.Stat

func firstLook() (znode.Stat, error) {
	c, err := zktest.Dial(member.ZooKeeper, 10*time.Second, jute.ConnectResponse{}, 0)
	if err != nil {
		return znode.Stat{}, err
	}
	r, err := c.Ask(jute.Request{Operation: get(jute.OpExists, "/", false)})
	return r.Stat, errors.Join(err, c.Close())
}

// A client speaks the protocol by hand.
type client struct {
	t    *testing.T
	nc   net.Conn
	open jute.ConnectResponse
	xid  int32
	seen []jute.Reply // events that came before the last answer
}

// dial makes a connection without a session.
func dial(t *testing.T) *client {
	t.Helper()
	nc, err := net.Dial("tcp", member.ZooKeeper)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, nc: nc}
}

// connect opens a session of 10 s.
func connect(t *testing.T) *client { return connectFor(t, 10_000) }

// connectFor opens a session with a timeout in milliseconds: it sends no pings by itself.
func connectFor(t *testing.T, timeout int32) *client {
	t.Helper()
	c := dial(t)
	if frame := c.hello(jute.ConnectRequest{Timeout: timeout, HasReadOnly: true}); frame == nil {
		t.Fatal("no session")
	}
	return c
}

// hello sends a connect request and returns the answer's frame; nil when the connection was closed.
func (c *client) hello(q jute.ConnectRequest) []byte {
	c.t.Helper()
	c.write(q.Append(nil))
	frame := c.frame()
	if frame != nil {
		if err := c.open.Decode(frame); err != nil {
			c.t.Fatal(err)
		}
	}
	return frame
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// frame reads one frame; nil is the end of the connection.
func (c *client) frame() []byte {
	c.t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(c.nc, head[:]); err != nil {
		if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
			c.t.Fatal("no answer in time")
		}
		return nil
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c.nc, b); err != nil {
		c.t.Fatal(err)
	}
	return b
}

// closed fails the test unless the connection ends without another byte.
func (c *client) closed() {
	c.t.Helper()
	if frame := c.frame(); frame != nil {
		c.t.Fatalf("a frame %x where the connection should end", frame)
	}
}

// send sends a request, with the next xid if it has none, and returns its xid.
func (c *client) send(q jute.Request) int32 {
	c.t.Helper()
	if q.Xid == 0 {
		c.xid++
		q.Xid = c.xid
	}
	c.write(q.Append(nil))
	return q.Xid
}

// next reads the next answer, to a request of type op, or event.
func (c *client) next(op jute.Op) jute.Reply {
	c.t.Helper()
	frame := c.frame()
	if frame == nil {
		c.t.Fatalf("the connection ended where the answer to %v should be", op)
	}
	var r jute.Reply
	body, err := r.DecodeHeader(frame)
	if err != nil {
		c.t.Fatal(err)
	}
	if r.Code != znode.OK && len(frame) != 16 {
		c.t.Fatalf("an error of %d bytes", len(frame))
	}
	if err := r.DecodeBody(op, body); err != nil {
		c.t.Fatalf("answer to %v: %v: %x", op, err, frame)
	}
	return r
}

// call sends a request and returns its answer; events before it are in c.seen.
func (c *client) call(q jute.Request) jute.Reply {
	c.t.Helper()
	xid := c.send(q)
	c.seen = nil
	for {
		r := c.next(q.Op)
		if r.Xid == jute.XidEvent {
			c.seen = append(c.seen, r)
			continue
		}
		if q.Op != jute.OpPing && r.Xid != xid {
			c.t.Fatalf("xid %d, want %d", r.Xid, xid)
		}
		return r
	}
}

// do is call, and fails the test unless the code is as wanted.
func (c *client) do(o jute.Operation, want znode.Code) jute.Reply {
	c.t.Helper()
	r := c.call(jute.Request{Operation: o})
	if r.Code != want {
		c.t.Fatalf("%v %q: code %d (%v), want %d", o.Op, o.Path, r.Code, r.Code, want)
	}
	return r
}

func create(path string, flags int32) jute.Operation {
	return jute.Operation{Op: jute.OpCreate2, Path: path, Data: []byte("data"), ACL: znode.OpenACL, Flags: flags}
}

func remove(path string) jute.Operation {
	return jute.Operation{Op: jute.OpDelete, Path: path, Version: -1}
}

func set(path, data string) jute.Operation {
	return jute.Operation{Op: jute.OpSetData, Path: path, Data: []byte(data), Version: -1}
}

func get(op jute.Op, path string, watch bool) jute.Operation {
	return jute.Operation{Op: op, Path: path, Watch: watch}
}

// events are what came before an answer, as type and path.
func (c *client) events() (list []znode.Event) {
	for _, r := range c.seen {
		list = append(list, znode.Event{Type: r.Event, Path: r.Path})
	}
	return list
}

// emptied removes what earlier tests have left in the tree. That may be ten thousand znodes: it waits for
// the answers of many deletes together, not of each.
func emptied(t *testing.T) {
	t.Helper()
	const window = 500
	c := connect(t)
	var clear func(dir string)
	clear = func(dir string) {
		paths := c.call(jute.Request{Operation: get(jute.OpGetChildren, dir, false)}).Children
		for i, name := range paths {
			paths[i] = znode.Join(dir, name)
		}
		paths = slices.DeleteFunc(paths, func(path string) bool { return path == "/zookeeper" })
		for batch := range slices.Chunk(paths, window) {
			for _, path := range batch {
				clear(path)
			}
			for _, path := range batch {
				c.send(jute.Request{Operation: remove(path)})
			}
			for range batch {
				c.next(jute.OpDelete)
			}
		}
	}
	clear("/")
}
