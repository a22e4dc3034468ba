package lock

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A forest is a tree of contenders that a test makes and takes away, as a store would.
type forest struct {
	t    *testing.T
	tree *znode.Tree
	l    *Locker
	zxid int64
	made int
}

func newForest(t *testing.T, sessions int) *forest {
	f := &forest{t: t, tree: znode.NewTree(), l: New(Config{Logger: slog.New(slog.DiscardHandler)})}
	for id := 1; id <= sessions; id++ {
		f.zxid++
		f.apply(&znode.Change{Kind: znode.SessionOpened, Zxid: f.zxid, Record: znode.Session{ID: lease.ID(id)}}, nil)
	}
	for _, name := range locks {
		f.zxid++
		f.apply(&znode.Change{Kind: znode.Created, Zxid: f.zxid, Path: "/" + name, Node: znode.Container}, nil)
	}
	return f
}

var locks = []string{"a", "b", "c", "d"}

func (f *forest) apply(c *znode.Change, data []byte) znode.Effect {
	f.t.Helper()
	e := f.tree.Apply(c, func(string) (znode.Content, bool) { return znode.Content{Data: data, ACL: znode.OpenACL}, true })
	if e.Err != nil {
		f.t.Fatal(e.Err)
	}
	f.l.Changed(f.tree, f.zxid, c, &e)
	return e
}

// join adds a contender of a form to a lock's queue.
func (f *forest) join(lock string, session lease.ID, owner, form string) *znode.Node {
	f.zxid++
	f.made++
	data, err := (&note{Owner: owner, Door: "rest"}).encode()
	if err != nil {
		f.t.Fatal(err)
	}
	if session%4 == 0 {
		data = []byte(owner) // a foreign client's
	}
	path := fmt.Sprintf("/%s/"+form+"%010d", lock, f.made)
	e := f.apply(&znode.Change{Kind: znode.Created, Zxid: f.zxid, Time: f.zxid, Path: path, Node: znode.Ephemeral, Owner: session, Session: session}, data)
	return e.Node
}

func (f *forest) leave(n *znode.Node) {
	f.zxid++
	f.apply(&znode.Change{Kind: znode.Deleted, Zxid: f.zxid, Time: f.zxid, Path: n.Path(), Session: n.Owner()}, nil)
}

// naive is the wait-for graph by its definition.
type naive struct {
	nodes []*znode.Node
	reach map[actor]map[actor]bool // by waits up to newest
}

func (f *forest) naive(newest int64) *naive {
	g := &naive{reach: map[actor]map[actor]bool{}}
	for _, name := range locks {
		dir, _ := f.tree.Get("/" + name)
		for n := range dir.Children() {
			g.nodes = append(g.nodes, n)
			if g.reach[actorOf(n)] == nil {
				g.reach[actorOf(n)] = map[actor]bool{}
			}
		}
	}
	for _, n := range g.nodes {
		for _, b := range g.nodes {
			if n.Czxid() <= newest && blocks(b, n) {
				g.reach[actorOf(n)][actorOf(b)] = true
			}
		}
	}
	for k := range g.reach {
		for i := range g.reach {
			for j := range g.reach {
				if g.reach[i][k] && g.reach[k][j] {
					g.reach[i][j] = true
				}
			}
		}
	}
	return g
}

// blocks reports whether b keeps n from holding.
func blocks(b, n *znode.Node) bool {
	return b != n && b.Parent() == n.Parent() && !(b.Shared() && n.Shared()) && number(b) < number(n)
}

func number(n *znode.Node) (seq int64) {
	seq, _ = znode.Contender(n.Name())
	return seq
}

// closes reports whether n's wait is part of a cycle.
func (g *naive) closes(n *znode.Node) bool {
	self := actorOf(n)
	for _, b := range g.nodes {
		if blocks(b, n) && (actorOf(b) == self || g.reach[actorOf(b)][self]) {
			return true
		}
	}
	return false
}

// knots are the actors who reach each other, each knot sorted.
func (g *naive) knots() (list []string) {
	done := map[actor]bool{}
	for a := range g.reach {
		if done[a] {
			continue
		}
		var knot []string
		for b := range g.reach {
			if a == b || g.reach[a][b] && g.reach[b][a] {
				knot, done[b] = append(knot, fmt.Sprint(b)), true
			}
		}
		if len(knot) > 1 {
			slices.Sort(knot)
			list = append(list, fmt.Sprint(knot))
		}
	}
	slices.Sort(list)
	return list
}

// ring fails the test unless steps are a cycle.
func ring(t *rapid.T, steps []step) {
	t.Helper()
	for i, s := range steps {
		next := steps[(i+1)%len(steps)]
		if actorOf(s.node) != actorOf(s.by) || !blocks(next.by, s.node) {
			t.Fatalf("step %d of %d: %v by %v does not wait for %v", i, len(steps), s.node.Path(), s.by.Path(), next.by.Path())
		}
	}
}

// TestGraph compares what is found in random queues with the graph by its definition.
func TestGraph(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newForest(t, 5)
		var here []*znode.Node
		owners := []string{"", "x", "y"}
		rt.Repeat(map[string]func(*rapid.T){
			"join": func(rt *rapid.T) {
				form := rapid.SampledFrom(forms).Draw(rt, "form")
				n := f.join(rapid.SampledFrom(locks).Draw(rt, "lock"), lease.ID(rapid.IntRange(1, 5).Draw(rt, "session")), rapid.SampledFrom(owners).Draw(rt, "owner"), form)
				here = append(here, n)
				if !n.Waits() {
					return
				}
				steps, ok := f.l.cycle(n, n.Czxid())
				if want := f.naive(n.Czxid()).closes(n); ok != want {
					rt.Fatalf("%s closes a cycle: %v; want %v", n.Path(), ok, want)
				}
				if ok {
					ring(rt, steps)
				}
			},
			"leave": func(rt *rapid.T) {
				if len(here) > 0 {
					i := rapid.IntRange(0, len(here)-1).Draw(rt, "place")
					f.leave(here[i])
					here = slices.Delete(here, i, i+1)
				}
			},
			"rebuild": func(*rapid.T) {
				before := fmt.Sprint(f.l.footings.tell())
				f.l.Rebuilt(f.tree, f.zxid)
				if after := fmt.Sprint(f.l.footings.tell()); after != before {
					rt.Fatalf("built anew: %s; was %s", after, before)
				}
			},
			"": func(rt *rapid.T) {
				g := f.naive(math.MaxInt64)
				for _, n := range here {
					steps, ok := f.l.cycle(n, math.MaxInt64)
					if want := n.Waits() && g.closes(n); n.Waits() && ok != want {
						rt.Fatalf("%s is in a cycle: %v; want %v", n.Path(), ok, want)
					}
					if ok && n.Waits() {
						ring(rt, steps)
					}
				}
				f.lookAtKnots(rt, g)
			},
		})
	})
}

// TestTwoWhoUpgrade has two readers of one lock wait as writers: each waits for itself, but for the
// other too, and that cycle must be told.
func TestTwoWhoUpgrade(t *testing.T) {
	const read, write = "_c_00000000-0000-4000-8000-000000000000-__READ__", "_c_00000000-0000-4000-8000-000000000000-__WRIT__"
	for _, order := range [][]struct {
		session lease.ID
		form    string
	}{
		{{1, read}, {2, read}, {1, write}, {2, write}},
		{{1, read}, {2, read}, {2, write}, {1, write}},
		{{1, read}, {2, write}, {1, write}}, // one of whom waits for nothing that is its own
	} {
		f := newForest(t, 2)
		for _, c := range order {
			f.join("a", c.session, "", c.form)
		}
		rings, actors, complete := f.l.rings(10)
		if len(rings) != 1 || len(rings[0]) != 2 || !slices.Equal(actors, []int{2}) || !complete {
			t.Errorf("%v: rings %v of %v actors, complete: %t; want one of two", order, rings, actors, complete)
		}
	}
}

// TestQueueOfSemaphore has a queue become a semaphore's and a lock's again, while contenders stand
// in it. They count where it is a lock's, and nothing stays behind.
func TestQueueOfSemaphore(t *testing.T) {
	f := newForest(t, 5)
	container := func(kind znode.ChangeKind, path string) {
		f.zxid++
		f.apply(&znode.Change{Kind: kind, Zxid: f.zxid, Path: path, Node: znode.Container}, nil)
	}
	counts := func(what string, want int) {
		t.Helper()
		if got := f.l.footings; len(got) != want || f.l.Len() != min(1, want) {
			t.Errorf("%s: %v of %d locks; want %d footings", what, got, f.l.Len(), want)
		}
	}
	container(znode.Created, "/a/locks")
	first, second := f.join("a/locks", 1, "", "-lock-"), f.join("a/locks", 2, "", "-lock-")
	counts("as a lock", 2)
	container(znode.Created, "/a/leases")
	counts("as a semaphore", 0)
	container(znode.Created, "/a/limit")
	const place = "_c_00000000-0000-4000-8000-000000000000-p2-lock-" // of one who waits for two permits
	third, fourth := f.join("a/locks", 3, "", "-lock-"), f.join("a/locks", 4, "", place)
	container(znode.Deleted, "/a/leases")
	counts("still a semaphore", 0)
	container(znode.Deleted, "/a/limit")
	counts("a lock again", 4)
	fifth := f.join("a/locks", 5, "", place)
	counts("somebody has joined", 5)
	before := fmt.Sprint(f.l.footings.tell())
	f.l.Rebuilt(f.tree, f.zxid)
	if after := fmt.Sprint(f.l.footings.tell()); after != before {
		t.Errorf("built anew: %s; was %s", after, before)
	}
	for _, n := range []*znode.Node{second, fourth, first, third, fifth} {
		f.leave(n)
	}
	counts("empty", 0)
}

// lookAtKnots compares the list of all cycles.
func (f *forest) lookAtKnots(rt *rapid.T, g *naive) {
	w := newWeb(f.l.footings, math.MaxInt)
	names := make([]string, len(w.waits))
	for a, i := range w.index {
		names[i] = fmt.Sprint(a)
	}
	var list []string
	for _, knot := range w.knots() {
		var of []string
		for _, i := range knot {
			of = append(of, names[i])
		}
		slices.Sort(of)
		list = append(list, fmt.Sprint(of))
	}
	slices.Sort(list)
	if got, want := fmt.Sprint(list), fmt.Sprint(g.knots()); got != want {
		rt.Fatalf("knots %s; want %s", got, want)
	}
	rings, actors, complete := f.l.rings(100)
	if !complete || len(rings) != len(list) || len(actors) != len(list) {
		rt.Fatalf("%d rings of %d knots, complete: %v", len(rings), len(list), complete)
	}
	for _, steps := range rings {
		ring(rt, steps)
		if len(steps) < 2 {
			rt.Fatalf("a ring of %d", len(steps))
		}
	}
}

// tell returns what all sessions block, and how often they may wait; those who hold by now do not
// count.
func (fs footings) tell() map[lease.ID][2]int {
	all := map[lease.ID][2]int{}
	for id, f := range fs {
		queued := 0
		f.each(func(n *znode.Node) bool {
			if n.Waits() {
				queued++
			}
			return true
		})
		if f.blocks > 0 || queued > 0 {
			all[id] = [2]int{f.blocks, queued}
		}
	}
	return all
}

// forms are the names that contenders of all clients have.
var forms = []string{
	"_c_00000000-0000-4000-8000-000000000000-lock-",
	"0123456789abcdef0123456789abcdef__lock__",
	"_c_00000000-0000-4000-8000-000000000000-__WRIT__",
	"_c_00000000-0000-4000-8000-000000000000-__READ__",
	"0123456789abcdef0123456789abcdef__rlock__",
}

func TestOwnerOf(t *testing.T) {
	for _, n := range []note{
		{},
		{Door: "rest"},
		{Owner: "ann", Door: "rest"},
		{Owner: `a"\n`, Door: "rest"},
		{Owner: "a", Reason: `","door":"x"}`},
		{Owner: "ann", Door: "rest", Entries: []string{"a"}},
		{Reason: "why", Door: "stream"},
		{Owner: "<&>", Door: "rest"},
		{Owner: "ann", Metadata: map[string]string{"owner": "bob"}, Door: "rest"},
	} {
		data, err := n.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := ownerOf(data), decodeNote(data).Owner; got != want || got != n.Owner {
			t.Errorf("ownerOf(%s) = %q; want %q", data, got, want)
		}
	}
	for _, data := range []string{"", `{"door":"}`, `{"door":""}`, `{"owner":"}`, `{"owner":""}`, "10.0.0.7", `{"owner":"x"`, `{"a":1}`, `{"owner":"x"}`, `{"owner":1,"door":"x"}`, "\xff"} {
		if got, want := ownerOf([]byte(data)), decodeNote([]byte(data)).Owner; got != want {
			t.Errorf("ownerOf(%q) = %q; want %q", data, got, want)
		}
	}
}

// FuzzAnyOwner: whatever a client puts into its znode, it has an owner, and is its own actor's.
func FuzzAnyOwner(f *testing.F) {
	f.Add([]byte(`{"door":"}`))
	f.Add([]byte(`{"owner":"a","door":"rest"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		owner := ownerOf(data)
		if plain, ok := plainOwner(data); ok && string(plain) != owner {
			t.Errorf("%q: %q and %q", data, plain, owner)
		}
	})
}

// FuzzOwnerOf: what a client of ours wrote is read the same way by both.
func FuzzOwnerOf(f *testing.F) {
	f.Add("ann", "why", "rest")
	f.Fuzz(func(t *testing.T, owner, reason, door string) {
		data, err := json.Marshal(&note{Owner: owner, Reason: reason, Door: door})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := ownerOf(data), decodeNote(data).Owner; got != want {
			t.Errorf("ownerOf(%s) = %q; want %q", data, got, want)
		}
	})
}

// BenchmarkSearch: a wait at the end of a long queue, whose actor blocks somebody elsewhere.
func BenchmarkSearch(b *testing.B) {
	for _, length := range []int{4, 64, 1024} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			t := &testing.T{}
			f := newForest(t, 2*length+2)
			for i := range length {
				f.join("a", lease.ID(2*i+3), "o", forms[0])
			}
			f.join("b", 1, "o", forms[0])
			f.join("b", 2, "o", forms[0])
			n := f.join("a", 1, "o", forms[0])
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := f.l.cycle(n, n.Czxid()); ok {
					b.Fatal("a cycle")
				}
			}
		})
	}
}
