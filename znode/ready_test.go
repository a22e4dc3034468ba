package znode

import "testing"

// ready asks for a double barrier's ready znode as count says.
func ready(path string, count int32) Op {
	return Op{Kind: OpReady, Path: path, Version: count, Data: []byte{}, ACL: OpenACL}
}

func TestReady(t *testing.T) {
	const dir, path = "/b", "/b/ready"
	w := newWorld(t)
	w.open(1)
	w.open(2)
	enter := func(id SessionID, name string) Result {
		t.Helper()
		op := ephemeral(dir + "/" + name)
		op.Parents = true
		return w.mustAs(id, ready(path, 0), op, ready(path, 2))
	}

	if r := w.must(ready(path, 1)); r.Path != "" || w.exists(dir) {
		t.Errorf("of nothing: %+v", r)
	}
	if r := enter(1, "x"); r.Path != "" || w.exists(path) {
		t.Errorf("one of two: %+v", r)
	}
	if r := enter(2, "y"); r.Path != path || !w.exists(path) || w.stat(path).EphemeralOwner != 0 {
		t.Errorf("two of two: %+v", r)
	}
	if r := enter(2, "z"); r.Path != path || r.Stat.Czxid != 0 {
		t.Errorf("after the two: %+v", r)
	}

	w.mustAs(2, Op{Kind: OpDelete, Path: dir + "/y", Version: -1}, ready(path, 0))
	if !w.exists(path) {
		t.Error("gone with others there")
	}
	w.mustAs(2, Op{Kind: OpClose})
	w.mustAs(1, Op{Kind: OpDelete, Path: dir + "/x", Version: -1}, ready(path, 0))
	if w.exists(path) {
		t.Error("left behind by the last")
	}
}

// What a round of which all have died leaves behind does not open the next one.
func TestReadyOfTheDead(t *testing.T) {
	const path = "/b/ready"
	w := newWorld(t)
	w.open(1)
	w.must(container("/b"))
	w.mustAs(1, ephemeral("/b/x"), ready(path, 1))
	w.mustAs(1, Op{Kind: OpClose})
	if !w.exists(path) {
		t.Fatal("no znode is left behind")
	}
	w.open(2)
	if r := w.mustAs(2, ready(path, 0), ephemeral("/b/y"), ready(path, 2)); r.Path != "" || w.exists(path) {
		t.Errorf("open for one of two: %+v", r)
	}
}

func TestReadyRefused(t *testing.T) {
	w := newWorld(t)
	w.must(closed("/b", ACL{PermRead | PermDelete, "world", "anyone"}))
	w.must(container("/c"))
	w.must(create("/c/x"))
	w.must(ready("/c/ready", 1))
	w.must(remove("/c/x"))
	w.must(setACL("/c", ACL{PermRead | PermAdmin, "world", "anyone"}))
	for name, tt := range map[string]struct {
		op   Op
		want Code
	}{
		"a negative count": {ready("/c/ready", -2), ErrBadArguments},
		"one that stands":  {ready("/c/ready", -1), ErrNodeExists},
		"no path":          {ready("c", 1), ErrBadArguments},
		"the root":         {ready("/", 1), ErrBadArguments},
		"no deletes":       {ready("/c/ready", 0), ErrNoAuth},
	} {
		t.Run(name, func(t *testing.T) {
			w.refused(tt.want, Request{Ops: []Op{tt.op}})
		})
	}
	w.refused(ErrSessionExpired, Request{Session: 9, Ops: []Op{ready("/b/ready", 1)}})
}
