package znode

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFreshTree(t *testing.T) {
	tree := NewTree()
	want := map[string]Stat{
		"/":                 {Cversion: -1, NumChildren: 1},
		"/zookeeper":        {Cversion: -2, NumChildren: 2},
		"/zookeeper/quota":  {},
		"/zookeeper/config": {},
	}
	got := map[string]Stat{}
	for n := range tree.All() {
		got[n.Path()] = n.Stat()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("§11.56 initial Stats (-want +got):\n%s", diff)
	}
	if n, _ := tree.Get("/"); n.Descendants() != 3 {
		t.Errorf("§11.61 descendants of / = %d; want 3", n.Descendants())
	}
}

func TestCreateChecks(t *testing.T) {
	read := ACL{PermRead, "world", "anyone"}
	ann := ACL{PermAll, "digest", "ann:1"}
	tests := []struct {
		name    string
		session SessionID
		op      Op
		full    bool
		want    Code
	}{
		{name: "plain", op: create("/new"), want: OK},
		{name: "§11.31 missing parent", op: create("/no/such"), want: ErrNoNode},
		{name: "§11.31 existing znode", op: create("/p"), want: ErrNodeExists},
		{name: "§11.31 root", op: create("/"), want: ErrNodeExists},
		{name: "§11.31 relative", op: create("a"), want: ErrBadArguments},
		{name: "§11.31 trailing slash", op: create("/p/"), want: ErrBadArguments},
		{name: "§11.31 trailing slash, no parent", op: create("/no/"), want: ErrNoNode},
		{name: "§11.31 empty component", op: create("/p//b"), want: ErrNoNode},
		{name: "dot inside", op: create("/p/./b"), want: ErrNoNode},
		{name: "NUL before ACL", op: closed("/p/\x00"), want: ErrBadArguments},
		{name: "§11.32 ephemeral parent", op: create("/e/c"), want: ErrNoChildrenForEphemerals},
		{name: "exists before ephemeral parent is asked", op: create("/e"), want: ErrNodeExists},
		{name: "§11.32 container parent", op: create("/box/c"), want: OK},
		{name: "§11.32 TTL parent", op: create("/ttl/c"), want: OK},
		{name: "§11.34 dot", op: create("/p/."), want: ErrBadArguments},
		{name: "§11.34 two dots", op: create("/p/.."), want: ErrBadArguments},
		{name: "§11.34 name with dots", op: create("/p/..a"), want: OK},
		{name: "§11.35 empty ACL before missing parent", op: closed("/no/such"), want: ErrInvalidACL},
		{name: "§11.35 unknown scheme", op: closed("/x", ACL{PermAll, "foo", "x"}), want: ErrInvalidACL},
		{name: "§11.35 auth of nobody", op: closed("/x", ACL{PermAll, "auth", ""}), want: ErrInvalidACL},
		{name: "not permitted", op: create("/ann/c"), want: ErrNoAuth},
		{name: "NoAuth before NodeExists", op: create("/ann/sub"), want: ErrNoAuth},
		{name: "NoAuth before the final path", op: create("/ann/."), want: ErrNoAuth},
		{name: "§11.110 ACLs are not inherited", op: create("/ann/sub/c"), want: OK},
		{name: "bad kind", op: Op{Kind: OpCreate, Path: "/x", ACL: OpenACL, Node: 4}, want: ErrBadArguments},
		{name: "§11.36 TTL 0", op: ttl("/x", 0), want: ErrBadArguments},
		{name: "§11.36 negative TTL", op: ttl("/x", -1), want: ErrBadArguments},
		{name: "longest TTL", op: ttl("/x", MaxTTL), want: OK},
		{name: "TTL too long", op: ttl("/x", MaxTTL+1), want: ErrBadArguments},
		{name: "TTL of a persistent znode", op: Op{Kind: OpCreate, Path: "/x", ACL: OpenACL, TTL: 5}, want: ErrBadArguments},
		{name: "no TTL, as ZooKeeper says it", op: Op{Kind: OpCreate, Path: "/x", ACL: OpenACL, TTL: -1}, want: OK},
		{name: "flags before the session", session: 9, op: ttl("/x", 0), want: ErrBadArguments},
		{name: "unknown session before the path", session: 9, op: create("x"), want: ErrSessionExpired},
		{name: "ephemeral of nobody", op: ephemeral("/x"), want: ErrSessionExpired},
		{name: "ephemeral", session: 1, op: ephemeral("/x"), want: OK},
		{name: "full", op: create("/x"), full: true, want: ErrFull},
		{name: "exists before full", op: create("/p"), full: true, want: ErrNodeExists},
		{name: "§11.47 sequential without a name", op: sequential("/p/"), want: OK},
		{name: "sequential of a bad name", op: sequential("/p/\x01"), want: ErrBadArguments},
		{name: "system znode", op: create("/zookeeper/x"), want: OK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.open(1)
			w.must(create("/p"), container("/box"), ttl("/ttl", 5))
			w.mustAs(1, ephemeral("/e"))
			w.must(create("/ann"), create("/ann/sub"), setACL("/ann", read, ann))
			w.draft.Full = test.full
			before := pictureOf(w.tree, w.now)
			code, _ := w.do(Request{Session: test.session, Ops: []Op{test.op}})
			if code != test.want {
				t.Errorf("create %q = %v; want %v", test.op.Path, code, test.want)
			}
			if code != OK {
				before.Reapable = pictureOf(w.tree, w.now).Reapable // the clock moved on
				if diff := cmp.Diff(before, pictureOf(w.tree, w.now)); diff != "" {
					t.Errorf("a refused create changed the tree:\n%s", diff)
				}
			}
		})
	}
}

func TestCreateStats(t *testing.T) {
	w := newWorld(t)
	w.must(create("/p"))
	before := w.stat("/p")
	r := w.must(create("/p/c"))
	want := Stat{Czxid: w.zxid, Mzxid: w.zxid, Pzxid: w.zxid, Ctime: w.now, Mtime: w.now, DataLength: 1}
	if r.Path != "/p/c" {
		t.Errorf("§11.28 path = %q; want /p/c", r.Path)
	}
	if diff := cmp.Diff(want, r.Stat); diff != "" {
		t.Errorf("§11.29 Stat after create (-want +got):\n%s", diff)
	}
	after := before
	after.NumChildren, after.Cversion, after.Pzxid = 1, 1, w.zxid
	if diff := cmp.Diff(after, w.stat("/p")); diff != "" {
		t.Errorf("§11.30 parent after create (-want +got):\n%s", diff)
	}

	w.open(7)
	if s := w.mustAs(7, ephemeral("/e")).Stat; s.EphemeralOwner != 7 {
		t.Errorf("§11.39 owner of an ephemeral = %d; want 7", s.EphemeralOwner)
	}
	for _, op := range []Op{container("/box"), ttl("/ttl", 5)} {
		if s := w.mustAs(7, op).Stat; s.EphemeralOwner != 0 {
			t.Errorf("§11.39 owner of a %v znode = %d; want 0", op.Node, s.EphemeralOwner)
		}
	}
	w.must(Op{Kind: OpCreate, Path: "/null", ACL: OpenACL}, Op{Kind: OpCreate, Path: "/empty", ACL: OpenACL, Data: []byte{}})
	null, _ := w.tree.Get("/null")
	empty, _ := w.tree.Get("/empty")
	if null.Data() != nil || empty.Data() == nil {
		t.Errorf("§11.38 null = %#v, empty = %#v", null.Data(), empty.Data())
	}
}

func TestSequence(t *testing.T) {
	w := newWorld(t)
	w.must(create("/p"))
	steps := []struct {
		name string
		ops  []Op
		want string // of the last operation
	}{
		{"§11.41 first", []Op{sequential("/p/c-")}, "/p/c-0000000000"},
		{"§11.42 others count", []Op{create("/p/a"), create("/p/b"), sequential("/p/c-")}, "/p/c-0000000003"},
		{"§11.42 deletes do not", []Op{remove("/p/a"), sequential("/p/c-")}, "/p/c-0000000004"},
		{"§11.44 two in one request", []Op{sequential("/p/c-"), sequential("/p/c-")}, "/p/c-0000000006"},
		{"§11.47 no name", []Op{sequential("/p/")}, "/p/0000000007"},
		{"under the root", []Op{sequential("/")}, "/0000000001"},
	}
	for _, step := range steps {
		if got := w.must(step.ops...).Path; got != step.want {
			t.Errorf("%s: created %q; want %q", step.name, got, step.want)
		}
	}
	w.refused(ErrNodeExists, Request{Ops: []Op{create("/p/b")}})
	w.refused(ErrNoNode, Request{Ops: []Op{sequential("/p/c-"), check("/no", -1)}})
	if got, want := w.must(sequential("/p/c-")).Path, "/p/c-0000000008"; got != want {
		t.Errorf("§11.43 after refusals created %q; want %q", got, want)
	}
	w.must(create("/q"), sequential("/q/c-"), remove("/q/c-0000000000"), remove("/q"), create("/q"))
	if got, want := w.must(sequential("/q/c-")).Path, "/q/c-0000000000"; got != want {
		t.Errorf("§11.46 after the parent was made anew created %q; want %q", got, want)
	}
}

// TestSequenceBeyond32Bits: ZooKeeper's own counter ends there.
func TestSequenceBeyond32Bits(t *testing.T) {
	tree := NewTree()
	tree.LoadNode("/p", Content{ACL: OpenACL, Czxid: 1, Mzxid: 1})
	tree.LoadCounters("/p", Counters{Creates: 1<<31 - 1, Pzxid: 7})
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	d := NewDraft(tree)
	for zxid, want := range []string{"/p/lock-2147483647", "/p/lock-2147483648"} {
		d.Judge(&Request{Ops: []Op{sequential("/p/lock-")}}, int64(zxid+10), 0)
		if got := d.Changes()[zxid].Path; got != want {
			t.Errorf("created %q; want %q", got, want)
		}
	}
}

func TestParents(t *testing.T) {
	deep := func(path string) Op {
		op := create(path)
		op.Parents = true
		return op
	}
	w := newWorld(t)
	w.open(1)
	w.must(deep("/a/b/c"))
	for _, path := range []string{"/a", "/a/b"} {
		if n, ok := w.tree.Get(path); !ok || n.Kind() != Container || n.Czxid() != w.zxid || !cmp.Equal(n.ACL(), OpenACL) {
			t.Errorf("ancestor %q is not an open container of the same zxid: %+v", path, n)
		}
	}
	w.must(deep("/a/b/d"))
	w.mustAs(1, ephemeral("/e"))
	w.must(closed("/shut", readACL...))
	long := slices.Repeat([]byte("/x"), mostParents+2)
	tests := []struct {
		name string
		op   Op
		want Code
	}{
		{"exists", deep("/a/b/c"), ErrNodeExists},
		{"relative", deep("a/b"), ErrBadArguments},
		{"empty component", deep("/n//b"), ErrBadArguments},
		{"bad last component", deep("/n/m/."), ErrBadArguments},
		{"below an ephemeral", deep("/e/x/y"), ErrNoChildrenForEphemerals},
		{"not permitted", deep("/shut/x/y"), ErrNoAuth},
		{"too deep", deep(string(long)), ErrBadArguments},
		{"without the flag", create("/n/m"), ErrNoNode},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			nodes := w.tree.Len()
			w.refused(test.want, Request{Ops: []Op{test.op}})
			if w.tree.Len() != nodes {
				t.Errorf("a refused create left %d znodes", w.tree.Len()-nodes)
			}
		})
	}
}
