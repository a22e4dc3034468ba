package znode

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// An ear is a watcher that remembers what it heard.
type ear struct {
	auth  []Credential
	heard []Event
}

func (e *ear) Notify(event Event)      { e.heard = append(e.heard, event) }
func (e *ear) MayRead(list []ACL) bool { return Permits(list, e.auth, PermRead) }

// take returns what was heard since the last time.
func (e *ear) take() []Event {
	heard := e.heard
	e.heard = nil
	return heard
}

// fire makes the batch's changes on the tree and tells the watchers.
func (r *replica) fire(t rapid.TB, fire func(*Change, *Effect)) {
	t.Helper()
	changes := slices.Clone(r.draft.Changes())
	r.keep(t)
	for i := range changes {
		e := r.tree.Apply(&changes[i], r.content)
		if e.Err != nil {
			t.Fatalf("Apply(%+v) = %v", changes[i], e.Err)
		}
		fire(&changes[i], &e)
	}
}

func TestTriggers(t *testing.T) {
	type kind struct {
		Type EventType
		Path string
	}
	const made, gone, data, kids = NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged
	type watch struct {
		path string
		mode WatchMode
	}
	tests := []struct {
		name    string
		watches []watch
		ops     []Op
		want    []kind
	}{
		{"§11.74 data once", []watch{{"/p", WatchData}}, []Op{set("/p", "1"), set("/p", "2")}, []kind{{data, "/p"}}},
		{"§11.75 exists, created", []watch{{"/new", WatchData}}, []Op{create("/new")}, []kind{{made, "/new"}}},
		{"§11.75 exists, deleted", []watch{{"/p/c", WatchData}}, []Op{remove("/p/c")}, []kind{{gone, "/p/c"}}},
		{"§11.76 child created", []watch{{"/p", WatchChildren}}, []Op{create("/p/d")}, []kind{{kids, "/p"}}},
		{"§11.76 child deleted", []watch{{"/p", WatchChildren}}, []Op{remove("/p/c")}, []kind{{kids, "/p"}}},
		{"§11.76 own deletion", []watch{{"/p/c", WatchChildren}}, []Op{remove("/p/c")}, []kind{{gone, "/p/c"}}},
		{"§11.76 data of a child, grandchild", []watch{{"/p", WatchChildren}}, []Op{set("/p/c", "1"), create("/p/c/d")}, nil},
		{"§11.77 data and children, deleted", []watch{{"/p/c", WatchData}, {"/p/c", WatchChildren}}, []Op{remove("/p/c")}, []kind{{gone, "/p/c"}}},
		{"§11.78 the same twice", []watch{{"/p", WatchData}, {"/p", WatchData}}, []Op{set("/p", "1")}, []kind{{data, "/p"}}},
		{
			"§11.79 persistent",
			[]watch{{"/q", WatchPersistent}},
			[]Op{create("/q"), set("/q", "1"), set("/q", "2"), create("/q/a"), remove("/q/a"), remove("/q"), create("/q")},
			[]kind{{made, "/q"}, {data, "/q"}, {data, "/q"}, {kids, "/q"}, {kids, "/q"}, {gone, "/q"}, {made, "/q"}},
		},
		{
			"§11.79 recursive",
			[]watch{{"/q", WatchRecursive}},
			[]Op{create("/q"), create("/q/a"), create("/q/a/b"), set("/q/a/b", "1"), remove("/q/a/b"), create("/qq")},
			[]kind{{made, "/q"}, {made, "/q/a"}, {made, "/q/a/b"}, {data, "/q/a/b"}, {gone, "/q/a/b"}},
		},
		{"§11.80 recursive at the root", []watch{{"/", WatchRecursive}}, []Op{create("/zookeeper/x"), create("/y")}, []kind{{made, "/zookeeper/x"}, {made, "/y"}}},
		{"§11.81 once and persistent", []watch{{"/p", WatchData}, {"/p", WatchPersistent}}, []Op{set("/p", "1"), set("/p", "2")}, []kind{{data, "/p"}, {data, "/p"}}},
		{"§11.82 recursive and children", []watch{{"/p", WatchRecursive}, {"/p", WatchChildren}}, []Op{create("/p/d")}, []kind{{made, "/p/d"}, {kids, "/p"}}},
		{"recursive at several ancestors", []watch{{"/", WatchRecursive}, {"/p", WatchRecursive}, {"/p/c", WatchPersistent}}, []Op{set("/p/c", "1")}, []kind{{data, "/p/c"}}},
		{"recursive above, children of the deleted", []watch{{"/", WatchRecursive}, {"/p/c", WatchChildren}}, []Op{remove("/p/c"), create("/p/c")}, []kind{{gone, "/p/c"}, {made, "/p/c"}}},
		{"§11.83 setACL", []watch{{"/p", WatchAny}}, []Op{setACL("/p", OpenACL...)}, nil},
		{"top level", []watch{{"/", WatchChildren}}, []Op{create("/z")}, []kind{{kids, "/"}}},
		{"§11.114 parents made on the way", []watch{{"/", WatchRecursive}}, []Op{{Kind: OpCreate, Path: "/x/y", ACL: OpenACL, Parents: true}}, []kind{{made, "/x"}, {made, "/x/y"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.must(create("/p"), create("/p/c"))
			ws, e := NewWatches(), &ear{}
			for _, x := range test.watches {
				ws.Add(x.path, e, x.mode)
			}
			if code := w.judge(&Request{Ops: test.ops}); code != OK {
				t.Fatalf("%+v = %v", test.ops, code)
			}
			w.fire(t, ws.Fire)
			var got []kind
			for _, event := range e.heard {
				got = append(got, kind{event.Type, event.Path})
				if event.Zxid != w.zxid {
					t.Errorf("§11.87 zxid of %v = %d; want %d", event, event.Zxid, w.zxid)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusalsFireNothing(t *testing.T) {
	w := newWorld(t)
	w.must(create("/p"))
	ws, e := NewWatches(), &ear{}
	ws.Add("/", e, WatchAny)
	w.judge(&Request{Ops: []Op{create("/q"), check("/no", -1)}})
	w.fire(t, ws.Fire)
	if len(e.heard) > 0 {
		t.Errorf("§11.66 events of a refused request: %v", e.heard)
	}
}

func TestEventsNeedRead(t *testing.T) {
	ann := ACL{PermAll, "digest", "ann:1"}
	w := newWorld(t)
	w.must(closed("/p", ann))
	ws, stranger, friend := NewWatches(), &ear{}, &ear{auth: []Credential{{"digest", "ann:1"}}}
	for _, e := range []*ear{stranger, friend} {
		ws.Add("/p", e, WatchData|WatchChildren)
	}
	// In one batch: the ACL in force at each step counts, not the one that the batch leaves.
	auth := friend.auth
	w.judge(&Request{Auth: auth, Ops: []Op{set("/p", "x")}})
	w.judge(&Request{Auth: auth, Ops: []Op{create("/p/c")}})
	w.judge(&Request{Auth: auth, Ops: []Op{setACL("/p", OpenACL...)}})
	w.fire(t, ws.Fire)
	if len(stranger.heard) > 0 || len(friend.heard) != 2 {
		t.Errorf("§11.90 heard: stranger %v, friend %v", stranger.heard, friend.heard)
	}
	if ws.Has("/p", stranger, WatchAny) {
		t.Error("§11.90 the one-shot watches are still there")
	}
}

func TestWatchAdministration(t *testing.T) {
	all := map[int32]WatchMode{1: WatchChildren, 2: WatchData, 3: WatchAny, 4: WatchPersistent, 5: WatchRecursive}
	for watcherType, mode := range all {
		if got, ok := ModeOf(watcherType); !ok || got != mode {
			t.Errorf("ModeOf(%d) = %v, %v; want %v", watcherType, got, ok, mode)
		}
		ws, e := NewWatches(), &ear{}
		ws.Add("/p", e, WatchAny)
		ws.Add("/p", &ear{}, WatchAny)
		if !ws.Has("/p", e, mode) || !ws.Remove("/p", e, mode) {
			t.Errorf("§11.88 no watch of type %d", watcherType)
		}
		if ws.Has("/p", e, mode) || ws.Remove("/p", e, mode) {
			t.Errorf("§11.88 a watch of type %d after its removal", watcherType)
		}
		if left := WatchAny &^ mode; left != 0 && !ws.Has("/p", e, left) {
			t.Errorf("§11.88 removing type %d removed others", watcherType)
		}
	}
	if _, ok := ModeOf(6); ok {
		t.Error("ModeOf(6) is ok")
	}
}

func TestDrop(t *testing.T) {
	ws := NewWatches()
	stays := &ear{}
	ws.Add("/a", stays, WatchData)
	var ears []*ear
	for range 3 * fewestWatchers {
		e := &ear{}
		ears = append(ears, e)
		ws.Add("/a", e, WatchData|WatchRecursive)
		ws.Add("/b", e, WatchPersistent)
	}
	if ws.NumWatchers() != len(ears)+1 || ws.NumPaths() != 2 || ws.Len() != 3*len(ears)+1 {
		t.Errorf("counts = %d watchers, %d paths, %d watches", ws.NumWatchers(), ws.NumPaths(), ws.Len())
	}
	pairs := 0
	for range ws.All() {
		pairs++
	}
	if pairs != 2*len(ears)+1 {
		t.Errorf("All walks %d pairs; want %d", pairs, 2*len(ears)+1)
	}
	for _, e := range ears {
		ws.Drop(e)
		ws.Drop(e)
	}
	if ws.NumWatchers() != 1 || ws.NumPaths() != 1 || ws.Len() != 1 || ws.recursive != 0 {
		t.Errorf("§11.89 after the drops: %d watchers, %d paths, %d watches", ws.NumWatchers(), ws.NumPaths(), ws.Len())
	}
}

// twoTables is the rule book read aloud: ZooKeeper's two tables and its trigger matrix.
type twoTables struct {
	data, child map[string]map[*ear]WatchMode
}

func (tt *twoTables) add(path string, e *ear, m WatchMode) {
	put := func(table map[string]map[*ear]WatchMode, m WatchMode) {
		if m != 0 {
			if table[path] == nil {
				table[path] = map[*ear]WatchMode{}
			}
			table[path][e] |= m
		}
	}
	put(tt.data, m&(WatchData|WatchPersistent|WatchRecursive))
	put(tt.child, m&(WatchChildren|WatchPersistent))
}

func (tt *twoTables) step(table map[string]map[*ear]WatchMode, event Event, list []ACL, except map[*ear]bool) map[*ear]bool {
	who := map[*ear]bool{}
	for e, m := range table[event.Path] {
		if m != 0 {
			who[e] = true
		}
		table[event.Path][e] = m &^ (WatchData | WatchChildren)
	}
	for path := event.Path; path != "/" && event.Type != NodeChildrenChanged; {
		path, _ = Split(path)
		for e, m := range table[path] {
			if m&WatchRecursive != 0 {
				who[e] = true
			}
		}
	}
	for e := range who {
		if !except[e] && e.MayRead(list) {
			e.Notify(event)
		}
	}
	return who
}

func (tt *twoTables) fire(c *Change, e *Effect) {
	switch c.Kind {
	case Created:
		tt.step(tt.data, Event{NodeCreated, c.Path, c.Zxid}, e.Node.ACL(), nil)
	case Deleted:
		told := tt.step(tt.data, Event{NodeDeleted, c.Path, c.Zxid}, e.Node.ACL(), nil)
		tt.step(tt.child, Event{NodeDeleted, c.Path, c.Zxid}, e.Node.ACL(), told)
	case DataSet:
		tt.step(tt.data, Event{NodeDataChanged, c.Path, c.Zxid}, e.Node.ACL(), nil)
		return
	default:
		return
	}
	tt.step(tt.child, Event{NodeChildrenChanged, e.Parent.Path(), c.Zxid}, e.Parent.ACL(), nil)
}

// TestWatchesFollowTheTables compares with the two tables under random requests and watches.
func TestWatchesFollowTheTables(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newReplica()
		ws := NewWatches()
		tt := &twoTables{map[string]map[*ear]WatchMode{}, map[string]map[*ear]WatchMode{}}
		var got, want []*ear
		for i := range 3 {
			var auth []Credential
			if i == 0 {
				auth = []Credential{{"digest", "ann:1"}}
			}
			got, want = append(got, &ear{auth: auth}), append(want, &ear{auth: auth})
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			for range rapid.IntRange(0, 3).Draw(t, "watches") {
				path := rapid.SampledFrom(somePaths).Draw(t, "path")
				i := rapid.IntRange(0, 2).Draw(t, "ear")
				m := WatchMode(rapid.IntRange(1, int(WatchAny)).Draw(t, "mode"))
				ws.Add(path, got[i], m)
				tt.add(path, want[i], m)
			}
			r.judge(drawRequest(t))
			r.fire(t, func(c *Change, e *Effect) {
				ws.Fire(c, e)
				tt.fire(c, e)
			})
			for i := range got {
				if diff := cmp.Diff(want[i].take(), got[i].take()); diff != "" {
					t.Fatalf("watcher %d (-want +got):\n%s", i, diff)
				}
			}
		}
		recursive := 0
		for _, x := range ws.All() {
			if x.Mode&WatchRecursive != 0 {
				recursive++
			}
		}
		if recursive != ws.recursive {
			t.Fatalf("counts %d recursive watches; there are %d", ws.recursive, recursive)
		}
	})
}
