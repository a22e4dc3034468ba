package znode

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReap(t *testing.T) {
	reap := func(path string) Request { return Request{Ops: []Op{{Kind: OpReap, Path: path}}} }
	w := newWorld(t)
	w.must(container("/used"), container("/unused"), container("/full"), ttl("/ttl", 10), ttl("/parent", 10), create("/plain"))
	w.must(create("/used/c"), create("/full/c"), create("/parent/c"))
	w.refused(ErrNotEmpty, reap("/used"))
	w.must(remove("/used/c"))
	w.refused(ErrBadVersion, reap("/unused"))
	w.refused(ErrNotEmpty, reap("/full"))
	w.refused(ErrBadVersion, reap("/ttl"))
	w.refused(ErrBadVersion, reap("/plain"))
	w.refused(ErrNoNode, reap("/no"))

	born := w.stat("/ttl").Mtime
	if diff := cmp.Diff([]string{"/used"}, w.tree.Reapable(born+10, 9)); diff != "" {
		t.Errorf("§11.112 reapable at the end of the TTL (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/used", "/ttl"}, w.tree.Reapable(born+11, 9)); diff != "" {
		t.Errorf("§11.113 reapable behind the end of the TTL (-want +got):\n%s", diff)
	}
	if got := w.tree.Reapable(born+11, 1); len(got) != 1 {
		t.Errorf("Reapable with limit 1 = %v", got)
	}
	if got := w.tree.Reapable(born+11, 0); len(got) != 0 {
		t.Errorf("Reapable with limit 0 = %v", got)
	}

	w.now += 20
	w.must(set("/ttl", "again"))
	w.refused(ErrBadVersion, reap("/ttl"))
	if diff := cmp.Diff([]string{"/used"}, w.tree.Reapable(w.now, 9)); diff != "" {
		t.Errorf("§11.113 reapable after a set (-want +got):\n%s", diff)
	}
	w.must(remove("/parent/c"))
	if diff := cmp.Diff([]string{"/used", "/parent"}, w.tree.Reapable(w.now, 9)); diff != "" {
		t.Errorf("reapable after the last child of a lapsed znode (-want +got):\n%s", diff)
	}
	if code, _ := w.do(reap("/parent")); code != OK || w.exists("/parent") {
		t.Errorf("reap of a lapsed znode = %v", code)
	}
	if code, _ := w.do(reap("/used")); code != OK || w.exists("/used") {
		t.Errorf("reap of an emptied container = %v", code)
	}
	if got := w.stat("/").Pzxid; got != w.zxid {
		t.Errorf("§11.114 pzxid of the parent = %d; want %d", got, w.zxid)
	}
}

func TestReapableOldestFirst(t *testing.T) {
	w := newWorld(t)
	w.must(container("/a"), container("/b"), create("/a/x"), create("/b/x"))
	w.must(remove("/b/x"))
	w.must(remove("/a/x"))
	if diff := cmp.Diff([]string{"/b", "/a"}, w.tree.Reapable(w.now, 9)); diff != "" {
		t.Errorf("containers, the longest empty first (-want +got):\n%s", diff)
	}
}

func TestFinishFindsOrphans(t *testing.T) {
	tests := []struct {
		name string
		load func(*Tree)
		path string
	}{
		{"no parent", func(t *Tree) { t.LoadNode("/a/b", Content{}) }, "/a/b"},
		{"ephemeral parent", func(t *Tree) {
			t.LoadSession(Session{ID: 1})
			t.LoadNode("/e", Content{Kind: Ephemeral, Owner: 1})
			t.LoadNode("/e/c", Content{})
		}, "/e/c"},
		{"no session", func(t *Tree) { t.LoadNode("/e", Content{Kind: Ephemeral, Owner: 1}) }, "/e"},
		{"counters of nothing", func(t *Tree) { t.LoadCounters("/a", Counters{Creates: 1}) }, "/a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree := NewTree()
			test.load(tree)
			orphan, ok := errors.AsType[*OrphanError](tree.Finish())
			if !ok || orphan.Path != test.path {
				t.Errorf("Finish() = %v; want an orphan %q", orphan, test.path)
			}
		})
	}
}

func TestApplyFindsMismatches(t *testing.T) {
	none := func(string) (Content, bool) { return Content{}, false }
	tests := []struct {
		name   string
		change Change
	}{
		{"no parent", Change{Kind: Created, Path: "/a/b"}},
		{"exists", Change{Kind: Created, Path: "/zookeeper"}},
		{"no session for the ephemeral", Change{Kind: Created, Path: "/e", Owner: 5}},
		{"delete of nothing", Change{Kind: Deleted, Path: "/a"}},
		{"delete of the root", Change{Kind: Deleted, Path: "/"}},
		{"delete with children", Change{Kind: Deleted, Path: "/zookeeper"}},
		{"data of nothing", Change{Kind: DataSet, Path: "/a"}},
		{"ACL of nothing", Change{Kind: ACLSet, Path: "/a"}},
		{"move of nothing", Change{Kind: SessionMoved, Record: Session{ID: 5}}},
		{"second open", Change{Kind: SessionOpened, Record: Session{ID: 1}}},
		{"close of nothing", Change{Kind: SessionClosed, Session: 5}},
		{"no kind", Change{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree := NewTree()
			tree.LoadSession(Session{ID: 1})
			if err := tree.Finish(); err != nil {
				t.Fatal(err)
			}
			before := pictureOf(tree, 0)
			e := tree.Apply(&test.change, none)
			if _, ok := errors.AsType[*MismatchError](e.Err); !ok {
				t.Errorf("Apply(%+v).Err = %v; want a mismatch", test.change, e.Err)
			}
			if diff := cmp.Diff(before, pictureOf(tree, 0)); diff != "" {
				t.Errorf("a change that does not fit changed the tree:\n%s", diff)
			}
		})
	}
}
