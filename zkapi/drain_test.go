package zkapi_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/zkapi"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// drained serves a door of its own, and returns what drains it, waits for that, and tells how long it took.
func drained(t *testing.T, m *membertest.Member) (address string, drain func(ctx context.Context) time.Duration) {
	t.Helper()
	d := zkapi.New(zkapi.Config{})
	d.Bind(m.Store, m.Sessions, m.Quorum.ID())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	t.Cleanup(func() {
		d.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String(), func(ctx context.Context) time.Duration {
		begun := time.Now()
		d.Drain(ctx)
		return time.Since(begun)
	}
}

func dialAt(t *testing.T, address string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, nc: nc}
}

// A door that drains answers what it has taken, does nothing else, and then ends the connection, whether
// or not its client still sends: every write that was done is answered, and no other was done. A client
// without a request is let go at once, and so is one without a session; others do not come any more.
func TestDrain(t *testing.T) {
	m := membertest.One(t)
	address, drain := drained(t, m)
	busy, idle, mute := dialAt(t, address), dialAt(t, address), dialAt(t, address)
	busy.hello(jute.ConnectRequest{Timeout: 30_000})
	idle.hello(jute.ConnectRequest{Timeout: 30_000})
	busy.do(create("/drain", jute.FlagPersistent), znode.OK)

	stop, sent := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sent)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			q := jute.Request{Xid: int32(i + 2), Operation: create(fmt.Sprint("/drain/", i), jute.FlagPersistent)}
			if _, err := busy.nc.Write(q.Append(nil)); err != nil {
				return
			}
		}
	}()
	answered := 0
	for ; answered < 100; answered++ {
		busy.next(jute.OpCreate2)
	}
	took := make(chan time.Duration)
	go func() { took <- drain(t.Context()) }()
	for {
		frame := busy.frame()
		if frame == nil {
			break
		}
		answered++
	}
	close(stop)
	<-sent
	_ = busy.nc.Close()
	idle.closed()
	mute.closed()
	if d := <-took; d > 5*time.Second {
		t.Errorf("the drain took %v", d)
	}
	var done int
	m.Store.View(func(tree *znode.Tree, _ int64) {
		n, _ := tree.Get("/drain")
		done = len(n.ChildNames())
	})
	if done != answered {
		t.Errorf("%d creates were done, and %d answered", done, answered)
	}
	if nc, err := net.Dial("tcp", address); err == nil {
		_ = nc.Close()
		t.Error("the door still takes connections")
	}
	if _, _, ok := m.Sessions.Look(lease.ID(idle.open.SessionID)); !ok {
		t.Error("the session is over")
	}
}
