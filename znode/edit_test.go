package znode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEditChecks(t *testing.T) {
	ann := []Credential{{"digest", "ann:1"}}
	super := []Credential{{"super", ""}}
	readAndDelete := []ACL{{PermRead | PermDelete, "world", "anyone"}}
	tests := []struct {
		name    string
		session SessionID
		auth    []Credential
		op      Op
		full    bool
		want    Code
	}{
		{name: "delete", op: remove("/p/c"), want: OK},
		{name: "§11.49 delete missing", op: remove("/no"), want: ErrNoNode},
		{name: "delete under missing", op: remove("/no/c"), want: ErrNoNode},
		{name: "§11.49 delete root", op: remove("/"), want: ErrBadArguments},
		{name: "§11.49 delete system", op: remove("/zookeeper"), want: ErrBadArguments},
		{name: "§11.49 delete config", op: remove("/zookeeper/config"), want: ErrBadArguments},
		{name: "delete quota", op: remove("/zookeeper/quota"), want: ErrBadArguments},
		{name: "delete without slash", op: remove("x"), want: ErrBadArguments},
		{name: "delete NUL", op: remove("/p\x00"), want: ErrBadArguments},
		{name: "delete with trailing slash", op: remove("/p/"), want: ErrNoNode},
		{name: "delete of unknown session", session: 9, op: remove("x"), want: ErrSessionExpired},
		{name: "delete non-empty", op: remove("/p"), want: ErrNotEmpty},
		{name: "§11.48 version before not empty", op: versioned(remove("/p"), 5), want: ErrBadVersion},
		{name: "delete at version", op: versioned(remove("/p/c"), 0), want: OK},
		{name: "§11.51 DELETE is the parent's", op: remove("/shut/c"), want: ErrNoAuth},
		{name: "§11.51 not the znode's", op: remove("/closed"), want: OK},
		{name: "NoAuth before NoNode", op: remove("/shut/no"), want: ErrNoAuth},
		{name: "delete incarnation", op: Op{Kind: OpDelete, Path: "/p/c", Version: -1, Czxid: 1}, want: ErrNoNode},
		{name: "delete own", session: 1, op: Op{Kind: OpDelete, Path: "/e", Version: -1, Own: true}, want: OK},
		{name: "delete another's", session: 2, op: Op{Kind: OpDelete, Path: "/e", Version: -1, Own: true}, want: ErrNotOwner},
		{name: "own of nobody", op: Op{Kind: OpDelete, Path: "/p/c", Version: -1, Own: true}, want: ErrNotOwner},
		{name: "delete when full", full: true, op: remove("/p/c"), want: OK},

		{name: "set", op: set("/p", "x"), want: OK},
		{name: "set missing", op: set("/no", "x"), want: ErrNoNode},
		{name: "set bad path", op: set("/p/", "x"), want: ErrBadArguments},
		{name: "set of unknown session", session: 9, op: set("/p/", "x"), want: ErrSessionExpired},
		{name: "set root", op: set("/", "x"), want: OK},
		{name: "set at version", op: versioned(set("/p", "x"), 0), want: OK},
		{name: "§11.54 set at wrong version", op: versioned(set("/p", "x"), 1), want: ErrBadVersion},
		{name: "§11.53 version -2", op: versioned(set("/p", "x"), -2), want: ErrBadVersion},
		{name: "§11.54 NoAuth before version", op: versioned(set("/closed", "x"), 5), want: ErrNoAuth},
		{name: "set config", op: set("/zookeeper/config", "x"), want: ErrNoAuth},
		{name: "§11.109 super sets config", auth: super, op: set("/zookeeper/config", "x"), want: OK},
		{name: "growing set when full", full: true, op: set("/p", "dd"), want: ErrFull},
		{name: "other set when full", full: true, op: set("/p", "x"), want: OK},

		{name: "setACL", op: setACL("/p", readAndDelete...), want: OK},
		{name: "setACL missing", op: setACL("/no", readAndDelete...), want: ErrNoNode},
		{name: "setACL bad list before missing", op: setACL("/no"), want: ErrInvalidACL},
		{name: "setACL bad path before list", op: setACL("/no/"), want: ErrBadArguments},
		{name: "§11.110 setACL without ADMIN", op: setACL("/closed", readAndDelete...), want: ErrNoAuth},
		{name: "setACL with ADMIN", auth: ann, op: setACL("/closed", readAndDelete...), want: OK},
		{name: "§11.109 super", auth: super, op: setACL("/zookeeper/config", readAndDelete...), want: OK},
		{name: "§11.55 aversion", op: versioned(setACL("/p", readAndDelete...), 3), want: ErrBadVersion},

		{name: "check", op: check("/p", 0), want: OK},
		{name: "check exists", op: check("/p", -1), want: OK},
		{name: "§11.70 check missing", op: check("/no", -1), want: ErrNoNode},
		{name: "§11.70 check needs READ", op: check("/closed", -1), want: ErrNoAuth},
		{name: "check wrong version", op: check("/p", 1), want: ErrBadVersion},
		{name: "check version -2", op: check("/p", -2), want: ErrBadVersion},
		{name: "check bad path", op: check("p", -1), want: ErrBadArguments},

		{name: "unknown operation", op: Op{Kind: 99, Path: "/p"}, want: ErrUnimplemented},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.open(1)
			w.open(2)
			w.must(create("/p"), create("/p/c"), closed("/closed", ACL{PermAll, "digest", "ann:1"}))
			w.must(create("/shut"), create("/shut/c"), setACL("/shut", readACL...))
			w.mustAs(1, ephemeral("/e"))
			w.draft.Full = test.full
			if code, _ := w.do(Request{Session: test.session, Auth: test.auth, Ops: []Op{test.op}}); code != test.want {
				t.Errorf("%+v = %v; want %v", test.op, code, test.want)
			}
		})
	}
}

func TestEditStats(t *testing.T) {
	w := newWorld(t)
	w.must(create("/p"), create("/p/c"))
	parent, want := w.stat("/p"), w.stat("/p/c")

	want.Version, want.DataLength = 1, 4
	got := w.must(set("/p/c", "data")).Stat
	want.Mzxid, want.Mtime = w.zxid, w.now
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("§11.52 Stat after set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(parent, w.stat("/p")); diff != "" {
		t.Errorf("§11.52 parent after set (-want +got):\n%s", diff)
	}

	want.Aversion = 1
	if diff := cmp.Diff(want, w.must(setACL("/p/c", readACL...)).Stat); diff != "" {
		t.Errorf("§11.55 Stat after setACL (-want +got):\n%s", diff)
	}
	w.must(versioned(setACL("/p", OpenACL...), 0))

	w.must(remove("/p/c"))
	parent = w.stat("/p")
	if parent.NumChildren != 0 || parent.Cversion != 2 || parent.Pzxid != w.zxid {
		t.Errorf("§11.50 parent after delete = %+v; want no children, cversion 2, pzxid %d", parent, w.zxid)
	}
}

// TestIncarnation: a delete that names the czxid spares a znode made anew at the same path.
func TestIncarnation(t *testing.T) {
	w := newWorld(t)
	first := w.must(create("/a")).Stat.Czxid
	w.must(remove("/a"), create("/a"))
	second := w.stat("/a").Czxid
	w.refused(ErrNoNode, Request{Ops: []Op{{Kind: OpDelete, Path: "/a", Version: -1, Czxid: first}}})
	w.must(Op{Kind: OpDelete, Path: "/a", Version: -1, Czxid: second})
}

// TestRemadeInOneBatch: the counters of a znode that is made anew begin anew, in the keys too.
func TestRemadeInOneBatch(t *testing.T) {
	w := newWorld(t)
	w.must(create("/p"), create("/p/a"), remove("/p/a"))
	if w.counters["/p"].Creates != 1 {
		t.Fatalf("counters of /p = %+v; want one create", w.counters["/p"])
	}
	w.judge(&Request{Ops: []Op{remove("/p")}})
	w.judge(&Request{Ops: []Op{create("/p")}})
	w.commit(t)
	w.compare(t)
	if c, ok := w.counters["/p"]; ok {
		t.Errorf("counters of the new /p = %+v; want none", c)
	}
	w.judge(&Request{Ops: []Op{create("/q"), create("/q/a"), remove("/q/a"), remove("/q")}})
	w.commit(t)
	if _, ok := w.nodes["/q"]; ok {
		t.Error("a znode created and deleted in one batch left a key")
	}
}
