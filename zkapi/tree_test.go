package zkapi_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

func stat(c *client, path string) znode.Stat {
	c.t.Helper()
	return c.do(get(jute.OpExists, path, false), znode.OK).Stat
}

func TestTree(t *testing.T) {
	emptied(t)
	c := connect(t)
	c.do(create("/tree", 0), znode.OK)
	t.Run("40 data up to a frame's length", func(t *testing.T) {
		o := create("/tree/large", 0)
		frame := (&jute.Request{Operation: o}).Append(nil)
		o.Data = make([]byte, 1_048_575-(len(frame)-4)+len(o.Data))
		c.do(o, znode.OK)
		if r := c.do(get(jute.OpGetData, "/tree/large", false), znode.OK); len(r.Data) != len(o.Data) {
			t.Errorf("%d bytes of %d", len(r.Data), len(o.Data))
		}
	})
	t.Run("46 a counter begins anew with its parent", func(t *testing.T) {
		for range 2 {
			c.do(create("/tree/counter", 0), znode.OK)
			if r := c.do(create("/tree/counter/a", jute.FlagSequential), znode.OK); r.Path != "/tree/counter/a0000000000" {
				t.Errorf("%q", r.Path)
			}
			c.do(remove("/tree/counter/a0000000000"), znode.OK)
			c.do(remove("/tree/counter"), znode.OK)
		}
	})
	t.Run("50 52 a delete, and a setData", func(t *testing.T) {
		c.do(create("/tree/gone", 0), znode.OK)
		before := stat(c, "/tree")
		zxid := c.do(remove("/tree/gone"), znode.OK).Zxid
		want := before
		want.Cversion++
		want.NumChildren--
		want.Pzxid = zxid
		if after := stat(c, "/tree"); after != want {
			t.Errorf("50 parent %+v, want %+v", after, want)
		}
		before = stat(c, "/tree/large")
		s := c.do(set("/tree/large", "less"), znode.OK).Stat
		want = before
		want.Version++
		want.Mzxid, want.Mtime, want.DataLength = s.Mzxid, s.Mtime, 4
		if s != want || s.Mzxid <= before.Mzxid || s.Mtime < before.Mtime {
			t.Errorf("52 %+v, want %+v", s, want)
		}
		if parent := stat(c, "/tree"); parent.Pzxid != zxid {
			t.Errorf("52 parent %+v", parent)
		}
	})
	t.Run("56 a fresh tree", func(t *testing.T) {
		if s := freshRoot; s.Cversion != -1 || s.NumChildren != 1 || s.Czxid != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("59 both ways to ask for children", func(t *testing.T) {
		one := c.do(get(jute.OpGetChildren, "/", false), znode.OK).Children
		two := c.do(get(jute.OpGetChildren2, "/", false), znode.OK)
		slices.Sort(one)
		slices.Sort(two.Children)
		if !slices.Equal(one, two.Children) || int(two.Stat.NumChildren) != len(one) {
			t.Errorf("%q, %q, %+v", one, two.Children, two.Stat)
		}
	})
	t.Run("35 empty lists and unknown schemes", func(t *testing.T) {
		for _, list := range [][]znode.ACL{{}, {{Perms: znode.PermAll, Scheme: "nonsense", ID: "x"}}, {{Perms: znode.PermAll, Scheme: "auth"}}} {
			o := create("/missing/x", 0)
			o.ACL = list
			c.do(o, znode.ErrInvalidACL)
		}
	})
	t.Run("51 DELETE is the parent's to grant", func(t *testing.T) {
		shut := create("/tree/shut", 0)
		shut.ACL = []znode.ACL{{Perms: znode.PermRead | znode.PermCreate, Scheme: "world", ID: "anyone"}}
		c.do(shut, znode.OK)
		c.do(create("/tree/shut/x", 0), znode.OK)
		c.do(remove("/tree/shut/x"), znode.ErrNoAuth)
		none := create("/tree/none", 0)
		none.ACL = []znode.ACL{{Perms: znode.PermRead, Scheme: "world", ID: "anyone"}}
		c.do(none, znode.OK)
		c.do(remove("/tree/none"), znode.OK)
	})
	t.Run("44 70 in a multi", func(t *testing.T) {
		c.do(create("/tree/multi", 0), znode.OK)
		r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMulti}, Ops: []jute.Operation{
			create("/tree/multi/a", jute.FlagSequential), create("/tree/multi/b", jute.FlagSequential),
		}})
		if len(r.Results) != 2 || r.Results[0].Path != "/tree/multi/a0000000000" || r.Results[1].Path != "/tree/multi/b0000000001" {
			t.Errorf("44 %+v", r)
		}
		secret := create("/tree/secret", 0)
		secret.ACL = []znode.ACL{{Perms: znode.PermAll &^ znode.PermRead, Scheme: "world", ID: "anyone"}}
		c.do(secret, znode.OK)
		for path, want := range map[string]znode.Code{"/tree/missing": znode.ErrNoNode, "/tree/secret": znode.ErrNoAuth, "/tree": znode.OK} {
			r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMulti}, Ops: []jute.Operation{{Op: jute.OpCheck, Path: path, Version: -1}}})
			if len(r.Results) != 1 || r.Results[0].Code != want {
				t.Errorf("70 %s: %+v", path, r)
			}
		}
	})
	t.Run("109 super may do everything", func(t *testing.T) {
		s := connect(t)
		o := jute.Operation{Op: jute.OpSetACL, Path: "/zookeeper/config", ACL: []znode.ACL{{Perms: znode.PermRead, Scheme: "world", ID: "anyone"}}, Version: -1}
		s.do(o, znode.ErrNoAuth)
		s.auth("super:test")
		s.do(o, znode.OK)
		s.do(get(jute.OpGetData, "/tree/secret", false), znode.OK)
	})
	t.Run("107 ip and its networks", func(t *testing.T) {
		for id, want := range map[string]znode.Code{"127.0.0.1": znode.OK, "127.0.0.0/8": znode.OK, "10.1.0.0/16": znode.ErrNoAuth, "127.0.0.2/32": znode.ErrNoAuth} {
			o := create("/tree/ip", 0)
			o.ACL = []znode.ACL{{Perms: znode.PermRead, Scheme: "ip", ID: id}}
			c.do(o, znode.OK)
			c.do(get(jute.OpGetData, "/tree/ip", false), want)
			c.do(set("/tree/ip", "x"), znode.ErrNoAuth)
			c.do(remove("/tree/ip"), znode.OK)
		}
	})
}

// TestReaping waits for what the member removes by itself.
func TestReaping(t *testing.T) {
	emptied(t)
	c := connect(t)
	c.do(create("/reap", 0), znode.OK)
	gone := func(path string) time.Duration {
		t.Helper()
		begun := time.Now()
		for c.call(jute.Request{Operation: get(jute.OpExists, path, false)}).Code == znode.OK {
			if time.Since(begun) > patience {
				t.Fatalf("%s stays", path)
			}
		}
		return time.Since(begun)
	}
	t.Run("112 114 containers", func(t *testing.T) {
		for _, name := range []string{"used", "new"} {
			o := create("/reap/"+name, jute.FlagContainer)
			o.Op = jute.OpCreateContainer
			c.do(o, znode.OK)
		}
		c.do(create("/reap/used/child", 0), znode.OK)
		c.do(get(jute.OpGetChildren, "/reap", true), znode.OK)
		c.do(get(jute.OpExists, "/reap/used", true), znode.OK)
		before := c.do(remove("/reap/used/child"), znode.OK).Zxid
		var seen []jute.Reply
		for len(seen) < 2 {
			c.do(sync("/"), znode.OK)
			seen = append(seen, c.seen...)
		}
		if seen[0].Event != znode.NodeDeleted || seen[1].Event != znode.NodeChildrenChanged || seen[0].Path != "/reap/used" {
			t.Errorf("114 %+v", seen)
		}
		gone("/reap/used")
		if s := stat(c, "/reap"); s.Pzxid <= before {
			t.Errorf("114 %+v", s)
		}
		stat(c, "/reap/new")
	})
	t.Run("113 znodes with a TTL", func(t *testing.T) {
		const ttl = 400 * time.Millisecond
		for _, name := range []string{"parent", "plain"} {
			o := create("/reap/"+name, jute.FlagTTL)
			o.Op, o.TTL = jute.OpCreateTTL, ttl.Milliseconds()
			c.do(o, znode.OK)
		}
		c.do(create("/reap/parent/child", 0), znode.OK)
		pace := time.NewTicker(ttl / 4)
		defer pace.Stop()
		for range 8 {
			<-pace.C
			c.do(set("/reap/plain", "again"), znode.OK) // it is postponed each time
		}
		if took := gone("/reap/plain"); took < ttl/2 {
			t.Errorf("it is gone after %v", took)
		}
		stat(c, "/reap/parent")
		c.do(remove("/reap/parent/child"), znode.OK)
		gone("/reap/parent")
	})
}

// TestManySequentialCreates has many sessions create children of one znode at once.
func TestManySequentialCreates(t *testing.T) {
	emptied(t)
	const sessions, each = 20, 500
	connect(t).do(create("/many", 0), znode.OK)
	paths := make(chan []string, sessions)
	for range sessions {
		c := connect(t)
		go func() {
			var b []byte
			for i := range int32(each) {
				b = (&jute.Request{Xid: i + 1, Operation: create("/many/n-", jute.FlagSequential)}).Append(b)
			}
			_, _ = c.nc.Write(b)
			var list []string
			for range each {
				list = append(list, c.next(jute.OpCreate2).Path)
			}
			paths <- list
		}()
	}
	var all []string
	for range sessions {
		all = append(all, <-paths...)
	}
	slices.Sort(all)
	t.Run("45 they get consecutive numbers", func(t *testing.T) {
		for i, path := range all {
			if want := fmt.Sprintf("/many/n-%010d", i); path != want {
				t.Fatalf("%q, want %q", path, want)
			}
		}
	})
}

// TestManyEphemerals closes a session that owns very many.
func TestManyEphemerals(t *testing.T) {
	emptied(t)
	const n = 20_000
	c, watcher := connect(t), connect(t)
	c.do(create("/crowd", 0), znode.OK)
	const window = 500
	for i := range n + window {
		if i < n {
			c.write((&jute.Request{Xid: int32(i + 1), Operation: create(fmt.Sprintf("/crowd/%d", i), jute.FlagEphemeral)}).Append(nil))
		}
		if i >= window {
			if r := c.next(jute.OpCreate2); r.Code != znode.OK {
				t.Fatalf("%+v", r)
			}
		}
	}
	watcher.do(get(jute.OpExists, "/crowd/0", true), znode.OK)
	watcher.do(get(jute.OpExists, fmt.Sprintf("/crowd/%d", n-1), true), znode.OK)
	c.do(jute.Operation{Op: jute.OpCloseSession}, znode.OK)
	t.Run("104 all go at once", func(t *testing.T) {
		watcher.do(sync("/"), znode.OK)
		if len(watcher.seen) != 2 || watcher.seen[0].Zxid != watcher.seen[1].Zxid {
			t.Errorf("%+v", watcher.seen)
		}
		if s := stat(watcher, "/crowd"); s.NumChildren != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestConnections(t *testing.T) {
	t.Run("105 sessions' ids", func(t *testing.T) {
		seen := map[int64]bool{}
		for range 50 {
			c := connect(t)
			id := c.open.SessionID
			if id <= 0 || seen[id] {
				t.Errorf("%#x", id)
			}
			seen[id] = true
			_ = c.nc.Close()
		}
	})
	t.Run("16 too many of one address", func(t *testing.T) {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
		const most = 60
		var list []*client
		for range most + 1 {
			nc, err := from.Dial("tcp", member.ZooKeeper)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(patience))
			list = append(list, &client{t: t, nc: nc})
		}
		list[most].closed()
		if list[most-1].hello(jute.ConnectRequest{Timeout: 4000}) == nil {
			t.Error("the last one that there is room for is closed, too")
		}
	})
	t.Run("15 silence before the connect request", func(t *testing.T) {
		t.Parallel()
		begun := time.Now()
		c := dial(t)
		c.closed()
		if took := time.Since(begun); took < 9*time.Second || took > 15*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}
