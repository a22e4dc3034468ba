//go:build linux

package faults

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A zkClient speaks ZooKeeper's protocol to one member, and tells what it hears and when.
type zkClient struct {
	nc    net.Conn
	heard chan jute.Reply // everything that comes; closed when the connection ends
	last  time.Time       // when the last message came; read once heard is closed
	ended time.Time       // when the connection ended; the same
}

// zkDial opens a session, and reads until the connection ends.
func zkDial(ctx context.Context, t *testing.T, dial clustertest.Dial, m *clustertest.Member, timeout time.Duration) *zkClient {
	t.Helper()
	nc, err := dial(ctx, "tcp", m.ZooKeeper)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	hello := jute.ConnectRequest{Timeout: int32(timeout.Milliseconds())}
	if _, err := nc.Write(hello.Append(nil)); err != nil {
		t.Fatal(err)
	}
	var answer jute.ConnectResponse
	frame, err := zkFrame(nc)
	if err == nil {
		err = answer.Decode(frame)
	}
	if err != nil || answer.SessionID == 0 {
		t.Fatalf("no session: %+v, %v", answer, err)
	}
	c := &zkClient{nc: nc, heard: make(chan jute.Reply, 64)}
	go c.read() // ends with the connection, which the test's cleanup closes
	return c
}

func zkFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func (c *zkClient) read() {
	defer close(c.heard)
	for {
		frame, err := zkFrame(c.nc)
		if err != nil {
			c.ended = time.Now()
			return
		}
		c.last = time.Now()
		var r jute.Reply
		if body, err := r.DecodeHeader(frame); err != nil || (r.Xid == jute.XidEvent && r.DecodeBody(0, body) != nil) {
			continue
		}
		c.heard <- r
	}
}

func (c *zkClient) send(t *testing.T, o jute.Operation) {
	t.Helper()
	if _, err := c.nc.Write((&jute.Request{Xid: 1, Operation: o}).Append(nil)); err != nil {
		t.Fatal(err)
	}
}

// call sends a request and waits for its answer.
func (c *zkClient) call(t *testing.T, o jute.Operation) {
	t.Helper()
	c.send(t, o)
	if r, ok := <-c.heard; !ok || r.Code != znode.OK && r.Code != znode.ErrNodeExists {
		t.Fatalf("%v %s: %+v", o.Op, o.Path, r)
	}
}

// TestCutZooKeeperMember cuts off the member that a ZooKeeper client with an ephemeral is
// connected to; the client stays beside it and goes on to ping. It must have heard its last before
// anybody at the majority's side is told that the ephemeral is gone. It shows 103.
func TestCutZooKeeperMember(t *testing.T) {
	beside(t, waits)
	network := clustertest.NewNetwork(t, 3)
	c := clustertest.Start(t, 3, clustertest.Options{Network: network})
	for _, who := range []string{"follower", "leader"} {
		t.Run(who, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
			defer cancel()
			cut := c.WaitLeader(t)
			if who == "follower" {
				cut = c.Others(cut)[0]
			}
			space := network.Members[0]
			for i, m := range c.Members {
				if m == cut {
					space = network.Members[i]
				}
			}
			const timeout = 4 * time.Second
			path := "/cut-" + who
			holder := zkDial(ctx, t, space.Dial, cut, timeout)
			holder.call(t, jute.Operation{Op: jute.OpCreate, Path: path, ACL: znode.OpenACL, Flags: jute.FlagEphemeral})
			watcher := zkDial(ctx, t, c.Dial, c.Others(cut)[0], 4*timeout)
			watcher.send(t, jute.Operation{Op: jute.OpSync, Path: path})
			<-watcher.heard
			watcher.call(t, jute.Operation{Op: jute.OpExists, Path: path, Watch: true})

			network.Cut(t, space)
			started := time.Now()
			gone := time.Time{}
			pings := time.NewTicker(timeout / 3)
			defer pings.Stop()
			for heard := holder.heard; gone.IsZero(); {
				select {
				case _, ok := <-heard:
					if !ok {
						heard = nil
					}
				case e, ok := <-watcher.heard:
					if !ok {
						t.Fatal("the majority has cut the watcher")
					}
					if e.Xid == jute.XidEvent {
						if e.Event != znode.NodeDeleted || heard != nil {
							t.Errorf("%+v while the holder's connection stood: %v", e, heard != nil)
						}
						gone = time.Now()
					}
				case <-pings.C:
					ping := (&jute.Request{Xid: jute.XidPing, Operation: jute.Operation{Op: jute.OpPing}}).Append(nil)
					_, _ = holder.nc.Write(ping) // it may be cut by now
					if _, err := watcher.nc.Write(ping); err != nil {
						t.Fatal(err)
					}
				case <-ctx.Done():
					t.Fatal("the ephemeral stays")
				}
			}
			_ = holder.nc.Close()
			for range holder.heard { // until its reader has ended
			}
			t.Logf("after the cut: the client's last message at %v, its connection ended at %v, the ephemeral was gone at %v",
				holder.last.Sub(started), holder.ended.Sub(started), gone.Sub(started))
			network.Heal(t, space)
			c.WaitReady(t, c.Members...)
		})
	}
}
