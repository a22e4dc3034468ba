package zkapi_test

import (
	"reflect"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

func sync(path string) jute.Operation { return jute.Operation{Op: jute.OpSync, Path: path} }

// expect fails the test unless these events, and no others, have come before the answer to a sync.
func (c *client) expect(want ...znode.Event) {
	c.t.Helper()
	if r := c.do(sync("/nowhere"), znode.OK); r.Path != "/nowhere" {
		c.t.Errorf("sync of %q", r.Path)
	}
	if got := c.events(); !reflect.DeepEqual(got, want) {
		c.t.Errorf("events %v, want %v", got, want)
	}
}

func event(kind znode.EventType, path string) znode.Event { return znode.Event{Type: kind, Path: path} }

// TestWatches shows 63, too: expect asks for a sync of a path that is missing.
func TestWatches(t *testing.T) {
	emptied(t)
	a, b := connect(t), connect(t)
	b.do(create("/watches", 0), znode.OK)
	t.Run("74 78 87 a data watch tells once", func(t *testing.T) {
		a.do(get(jute.OpGetData, "/watches", true), znode.OK)
		a.do(get(jute.OpExists, "/watches", true), znode.OK)
		zxid := b.do(set("/watches", "1"), znode.OK).Stat.Mzxid
		b.do(set("/watches", "2"), znode.OK)
		a.expect(event(znode.NodeDataChanged, "/watches"))
		if e := a.seen[0]; e.Zxid != zxid || e.State != 3 || e.Code != znode.OK {
			t.Errorf("%+v, want zxid %#x", e, zxid)
		}
	})
	t.Run("57 75 76 exists and children watches", func(t *testing.T) {
		a.do(get(jute.OpExists, "/watches/new", true), znode.ErrNoNode)
		a.do(get(jute.OpGetData, "/watches/other", true), znode.ErrNoNode)
		a.do(get(jute.OpGetChildren2, "/watches", true), znode.OK)
		b.do(create("/watches/new", 0), znode.OK)
		b.do(create("/watches/other", 0), znode.OK)
		b.do(set("/watches/new", "x"), znode.OK)
		a.expect(event(znode.NodeCreated, "/watches/new"), event(znode.NodeChildrenChanged, "/watches"))
	})
	t.Run("77 one event for a data and a child watch", func(t *testing.T) {
		a.do(get(jute.OpGetData, "/watches/new", true), znode.OK)
		a.do(get(jute.OpGetChildren, "/watches/new", true), znode.OK)
		b.do(remove("/watches/new"), znode.OK)
		a.expect(event(znode.NodeDeleted, "/watches/new"))
	})
	t.Run("84 an own write's event comes before its answer", func(t *testing.T) {
		a.do(get(jute.OpGetData, "/watches", true), znode.OK)
		a.do(set("/watches", "own"), znode.OK)
		if len(a.seen) != 1 {
			t.Errorf("%v", a.seen)
		}
	})
	t.Run("23 79 82 88 persistent and recursive ones, and their removal", func(t *testing.T) {
		add := func(mode int32) {
			if r := a.call(jute.Request{Operation: jute.Operation{Op: jute.OpAddWatch, Path: "/watches"}, Mode: mode}); r.Code != znode.OK {
				t.Fatalf("%+v", r)
			}
		}
		add(1)
		a.do(get(jute.OpGetChildren, "/watches", true), znode.OK)
		b.do(create("/watches/p", 0), znode.OK)
		b.do(create("/watches/p/deep", 0), znode.OK)
		b.do(set("/watches/p/deep", "x"), znode.OK)
		a.expect(event(znode.NodeCreated, "/watches/p"), event(znode.NodeChildrenChanged, "/watches"),
			event(znode.NodeCreated, "/watches/p/deep"), event(znode.NodeDataChanged, "/watches/p/deep"))
		for _, step := range []struct {
			op   jute.Op
			kind int32
			want znode.Code
		}{
			{jute.OpCheckWatches, 4, znode.ErrNoWatcher},
			{jute.OpCheckWatches, 5, znode.OK},
			{jute.OpRemoveWatches, 5, znode.OK},
			{jute.OpRemoveWatches, 5, znode.ErrNoWatcher},
			{jute.OpRemoveWatches, 9, znode.ErrMarshalling},
		} {
			r := a.call(jute.Request{Operation: jute.Operation{Op: step.op, Path: "/watches"}, Mode: step.kind})
			if r.Code != step.want {
				t.Errorf("%v of type %d: %v, want %v", step.op, step.kind, r.Code, step.want)
			}
		}
		add(0)
		b.do(remove("/watches/p/deep"), znode.OK)
		b.do(remove("/watches/p"), znode.OK)
		b.do(set("/watches", "y"), znode.OK)
		a.expect(event(znode.NodeChildrenChanged, "/watches"), event(znode.NodeDataChanged, "/watches"))
	})
	t.Run("58 90 what may not be read is not told", func(t *testing.T) {
		a.do(get(jute.OpExists, "/watches/secret", true), znode.ErrNoNode)
		o := create("/watches/secret", 0)
		o.ACL = []znode.ACL{{Perms: znode.PermWrite, Scheme: "world", ID: "anyone"}}
		b.do(o, znode.OK)
		a.expect(event(znode.NodeChildrenChanged, "/watches")) // the persistent watch
		a.do(get(jute.OpExists, "/watches/secret", false), znode.ErrNoAuth)
	})
}

// TestSetWatches shows 91, 92, 94.
func TestSetWatches(t *testing.T) {
	emptied(t)
	a := connect(t)
	a.do(create("/again", 0), znode.OK)
	seen := a.do(create("/again/same", 0), znode.OK).Zxid
	a.do(create("/again/child", 0), znode.OK)
	a.do(set("/again", "changed"), znode.OK)
	r := a.call(jute.Request{Operation: jute.Operation{Op: jute.OpSetWatches2}, Since: seen, Watches: znode.WatchLists{
		Data:       []string{"/again", "/again/gone", "/again/same"},
		Exist:      []string{"/again/child", "/again/later"},
		Children:   []string{"/again", "/again/same"},
		Persistent: []string{"/again/child"},
	}})
	want := []znode.Event{
		event(znode.NodeDataChanged, "/again"), event(znode.NodeDeleted, "/again/gone"),
		event(znode.NodeCreated, "/again/child"), event(znode.NodeChildrenChanged, "/again"),
	}
	if got := a.events(); r.Code != znode.OK || !reflect.DeepEqual(got, want) {
		t.Errorf("91 92 missed %v, want %v", got, want)
	}
	for _, e := range a.seen {
		if e.Zxid != -1 {
			t.Errorf("94 zxid %d", e.Zxid)
		}
	}
	for _, o := range []jute.Operation{set("/again/same", "x"), create("/again/later", 0), set("/again/child", "x")} {
		if a.do(o, znode.OK); len(a.seen) != 1 || a.seen[0].Path != o.Path {
			t.Errorf("%v %s: %v", o.Op, o.Path, a.seen)
		}
	}
}
