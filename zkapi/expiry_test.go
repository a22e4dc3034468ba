package zkapi_test

import (
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestExpiry lets a client fall silent, while another, idle, pings. It shows 8, 24, 98, 99, 100.
func TestExpiry(t *testing.T) {
	t.Parallel()
	watcher := connect(t)
	silent := dial(t)
	silent.hello(jute.ConnectRequest{Timeout: 4000})
	for _, path := range []string{"/expiry-1", "/expiry-2"} {
		silent.do(create(path, jute.FlagEphemeral), znode.OK)
		watcher.do(get(jute.OpExists, path, true), znode.OK)
	}
	last := time.Now()
	var gone []jute.Reply
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for ; len(gone) < 2; <-pace.C {
		watcher.send(jute.Request{Xid: jute.XidPing, Operation: jute.Operation{Op: jute.OpPing}})
		for {
			r := watcher.next(jute.OpPing)
			if r.Xid != jute.XidEvent {
				break
			}
			gone = append(gone, r)
		}
		if time.Since(last) > patience {
			t.Fatal("the ephemerals stay")
		}
	}
	took := time.Since(last)
	t.Logf("98 a session of 4s ended after %v", took)
	if took < 4*time.Second || gone[0].Event != znode.NodeDeleted || gone[0].Zxid != gone[1].Zxid {
		t.Errorf("98 99 after %v: %+v", took, gone)
	}
	_, _ = silent.nc.Write((&jute.Request{Xid: 1, Operation: create("/expiry-late", 0)}).Append(nil)) // to whom it may concern
	silent.closed()
	watcher.do(get(jute.OpExists, "/expiry-late", false), znode.ErrNoNode)
	again := dial(t)
	again.hello(jute.ConnectRequest{Timeout: 4000, SessionID: silent.open.SessionID, Password: silent.open.Password[:]})
	if again.open.SessionID != 0 || again.open.Timeout != 0 {
		t.Errorf("8 %+v", again.open)
	}
}

// TestIdle sends nothing but reads, or pings, for longer than the timeout. It shows 97.
func TestIdle(t *testing.T) {
	for name, q := range map[string]jute.Request{
		"reads": {Operation: get(jute.OpExists, "/", false)},
		"pings": {Xid: jute.XidPing, Operation: jute.Operation{Op: jute.OpPing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t)
			c.hello(jute.ConnectRequest{Timeout: 4000})
			pace := time.NewTicker(500 * time.Millisecond)
			defer pace.Stop()
			for end := time.Now().Add(6 * time.Second); time.Now().Before(end); <-pace.C {
				if r := c.call(q); r.Code != znode.OK {
					t.Fatalf("%+v", r)
				}
			}
			c.do(create("/alive-"+name, jute.FlagEphemeral), znode.OK)
		})
	}
}
