package zkapi_test

import (
	"fmt"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestMoreWatches(t *testing.T) {
	emptied(t)
	a, b := connect(t), connect(t)
	b.do(create("/more", 0), znode.OK)
	add := func(path string, mode int32) {
		t.Helper()
		if r := a.call(jute.Request{Operation: jute.Operation{Op: jute.OpAddWatch, Path: path}, Mode: mode}); r.Code != znode.OK {
			t.Fatalf("%+v", r)
		}
	}
	t.Run("81 one message for two kinds of watch", func(t *testing.T) {
		add("/more", 0)
		a.do(get(jute.OpGetData, "/more", true), znode.OK)
		b.do(set("/more", "1"), znode.OK)
		b.do(set("/more", "2"), znode.OK)
		a.expect(event(znode.NodeDataChanged, "/more"), event(znode.NodeDataChanged, "/more"))
	})
	t.Run("83 setACL is no event", func(t *testing.T) {
		a.do(get(jute.OpGetChildren, "/more", true), znode.OK)
		b.do(jute.Operation{Op: jute.OpSetACL, Path: "/more", ACL: znode.OpenACL, Version: -1}, znode.OK)
		a.expect()
	})
	t.Run("80 a watch of everything", func(t *testing.T) {
		c := connect(t)
		if r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpAddWatch, Path: "/"}, Mode: 1}); r.Code != znode.OK {
			t.Fatalf("%+v", r)
		}
		b.do(create("/more/x", 0), znode.OK)
		b.do(create("/zookeeper/made", 0), znode.OK)
		b.do(remove("/zookeeper/made"), znode.OK)
		c.expect(event(znode.NodeCreated, "/more/x"), event(znode.NodeCreated, "/zookeeper/made"), event(znode.NodeDeleted, "/zookeeper/made"))
	})
	t.Run("93 95 96 back after a while", func(t *testing.T) {
		c := connect(t)
		since := c.do(create("/more/again", 0), znode.OK).Zxid
		b.do(remove("/more/again"), znode.OK)
		b.do(create("/more/again", 0), znode.OK)
		// What is caught up with is told by the tree alone: the log's first zxid does as well.
		for _, since := range []int64{since, 1} {
			r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpSetWatches2}, Since: since, Watches: znode.WatchLists{
				Data: []string{"/more/again"}, Persistent: []string{"/more/x"}, Recursive: []string{"/more/again"},
			}})
			if got := c.events(); r.Code != znode.OK || len(got) != 1 || got[0] != event(znode.NodeDataChanged, "/more/again") {
				t.Errorf("93 95 %v, %v", r.Code, got)
			}
		}
		b.do(create("/more/again/deep", 0), znode.OK)
		b.do(set("/more/x", "new"), znode.OK)
		c.expect(event(znode.NodeCreated, "/more/again/deep"), event(znode.NodeDataChanged, "/more/x"))
	})
}

// TestOrderOfEvents has a client watch and read a znode again and again, while another changes it
// all the time.
func TestOrderOfEvents(t *testing.T) {
	emptied(t)
	const rounds = 500
	a, b := connect(t), connect(t)
	b.do(create("/order", 0), znode.OK)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				b.do(set("/order", fmt.Sprint(i)), znode.OK)
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	t.Run("85 86 an event between the answers that it belongs between", func(t *testing.T) {
		watched := a.do(get(jute.OpGetData, "/order", true), znode.OK).Stat.Version
		armed := true
		for range rounds {
			r := a.do(get(jute.OpGetData, "/order", false), znode.OK)
			if told := len(a.seen); told > 1 || told == 1 && !armed {
				t.Fatalf("85 events %v without a watch", a.events())
			} else if told == 1 {
				armed = false
			}
			if armed && r.Stat.Version > watched {
				t.Fatalf("86 version %d is shown, the watch of %d is silent", r.Stat.Version, watched)
			}
			if !armed {
				r := a.do(get(jute.OpGetData, "/order", true), znode.OK)
				if len(a.seen) > 0 {
					t.Fatalf("85 events %v before the answer that arms", a.events())
				}
				watched, armed = r.Stat.Version, true
			}
		}
	})
}

// TestReadsBetweenWrites has a client send many requests before it reads an answer: a read sees the
// writes before it, and none behind it.
func TestReadsBetweenWrites(t *testing.T) {
	emptied(t)
	const rounds, deep = 10, 20
	c := connect(t)
	for range rounds {
		for range deep {
			for _, o := range []jute.Operation{
				create("/between", 0), set("/between", "x"), get(jute.OpGetData, "/between", false),
				create("/between/c", 0), get(jute.OpGetChildren, "/between", false), remove("/between/c"),
				remove("/between"), get(jute.OpExists, "/between", false),
			} {
				c.send(jute.Request{Operation: o})
			}
		}
		for range deep {
			c.next(jute.OpCreate2)
			c.next(jute.OpSetData)
			if r := c.next(jute.OpGetData); string(r.Data) != "x" {
				t.Fatalf("between a set and a delete there is %+v", r)
			}
			c.next(jute.OpCreate2)
			if r := c.next(jute.OpGetChildren); len(r.Children) != 1 {
				t.Fatalf("between the create and the delete of a child there is %+v", r)
			}
			for range 2 {
				if r := c.next(jute.OpDelete); r.Code != znode.OK {
					t.Fatalf("%+v", r)
				}
			}
			if r := c.next(jute.OpExists); r.Code != znode.ErrNoNode {
				t.Fatalf("between a delete and a create there is %+v", r)
			}
		}
	}
}
