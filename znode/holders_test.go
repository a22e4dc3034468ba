package znode

import (
	"slices"
	"strings"
	"testing"
)

// A queue is who stands at a lock, in order, and who of them holds.
type queue struct {
	All, Hold []string
}

// queuesOf tells by the rule itself who holds what: whoever has nobody ahead, and a reader who has
// no writer ahead.
func queuesOf(t *Tree) map[string]queue {
	queues := map[string]queue{}
	for n := range t.All() {
		var q queue
		free := true
		for name := range n.Contenders() {
			if shared := strings.Contains(name, "__READ__") || strings.Contains(name, "__rlock__"); len(q.All) == 0 || shared && free {
				q.Hold = append(q.Hold, name)
				free = free && shared
			} else if !shared {
				free = false
			}
			q.All = append(q.All, name)
		}
		if len(q.All) > 0 {
			queues[n.Path()] = q
		}
	}
	return queues
}

// drafted tells the same of what the batch at hand leaves, layer by layer.
func (r *replica) drafted() map[string]queue {
	paths := map[string]bool{}
	for n := range r.tree.All() {
		paths[n.Path()] = true
	}
	for path := range r.draft.nodes {
		paths[path] = true
	}
	queues := map[string]queue{}
	for path := range paths {
		dir := r.draft.find(path)
		if dir == nil {
			continue
		}
		var q queue
		var list []*draftNode
		for n := range r.draft.contenders(dir) {
			list = append(list, n)
		}
		for _, n := range list {
			q.All = append(q.All, n.name())
			if r.draft.holds(dir, n) {
				q.Hold = append(q.Hold, n.name())
			}
		}
		if len(q.All) > 0 {
			queues[path] = q
		}
	}
	return queues
}

func holdersOf(n *Node) (names []string) {
	for h := range n.Holders() {
		names = append(names, h.Name()[len(h.Name())-1:])
	}
	return names
}

func TestHolders(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.must(create("/l"))
	for i, stem := range []string{"a-__READ__", "b-__READ__", "c-__WRIT__", "d-__READ__", "e-__READ__", "f-lock-", "g__rlock__"} {
		op := ephemeral("/l/" + stem)
		op.Sequential = true
		if made := w.mustAs(1, op); !strings.HasSuffix(made.Path, string(rune('0'+i))) {
			t.Fatalf("made %q", made.Path)
		}
	}
	dir, _ := w.tree.Get("/l")
	leave := func(name, want string) {
		t.Helper()
		gone, _ := w.tree.Get("/l/" + name)
		w.mustAs(1, remove("/l/"+name))
		if got := strings.Join(holdersOf(dir), ""); got != want {
			t.Fatalf("without %q %q hold; want %q", name, got, want)
		}
		for name := range dir.Contenders() {
			want := slices.Contains(holdersOf(dir), name[len(name)-1:])
			if got := dir.Holds(name); got != want {
				t.Errorf("Holds(%q) = %v; want %v", name, got, want)
			}
		}
		for h := range dir.HoldersAfter(gone) {
			if !dir.Holds(h.Name()) || bySequence(h, gone) {
				t.Errorf("HoldersAfter(%q) has %q", gone.Name(), h.Name())
			}
		}
	}
	if got := strings.Join(holdersOf(dir), ""); got != "01" {
		t.Fatalf("%q hold at first; want 0 and 1", got)
	}
	if name, _, ok := contender(dir.firstExclusive()); !ok || name != "c-__WRIT__0000000002" || dir.contenders-dir.sharers != 2 {
		t.Errorf("the first of %d exclusive ones is %q", dir.contenders-dir.sharers, name)
	}
	leave("a-__READ__0000000000", "1")
	leave("b-__READ__0000000001", "2")
	leave("e-__READ__0000000004", "2")
	leave("c-__WRIT__0000000002", "3")
	leave("f-lock-0000000005", "36")
	leave("d-__READ__0000000003", "6")
	leave("g__rlock__0000000006", "")
}

// TestDowngrade: the reader stands where the writer stood, nobody gets in between, and readers
// behind it come in.
func TestDowngrade(t *testing.T) {
	const writer, reader = "/l/_c_" + someID + "-__WRIT__0000000000", "/l/_c_" + someID + "-__READ__0000000000"
	for _, twin := range []bool{false, true} {
		w := newWorld(t)
		w.open(1)
		w.open(2)
		w.must(create("/l"))
		op := ephemeral("/l/_c_" + someID + "-__WRIT__")
		op.Sequential, op.Protected, op.Twin = true, someID, twin
		made := w.mustAs(1, op)
		for _, stem := range []string{"/l/b-__READ__", "/l/c-__WRIT__"} {
			op := ephemeral(stem)
			op.Sequential = true
			w.mustAs(2, op)
		}
		down := Op{Kind: OpDowngrade, Path: writer, Czxid: made.Stat.Czxid}
		w.refused(ErrNotOwner, Request{Session: 2, Ops: []Op{down}})
		down.Czxid++
		w.refused(ErrNoNode, Request{Session: 1, Ops: []Op{down}})
		down.Czxid--
		if got := w.mustAs(1, down); got.Path != reader || got.Stat.Czxid != made.Stat.Czxid || got.Stat.Mzxid <= made.Stat.Mzxid {
			t.Fatalf("downgrade = %+v", got)
		}
		dir, _ := w.tree.Get("/l")
		want := 2
		if n := len(holdersOf(dir)); n != want || !dir.Holds("_c_"+someID+"-__READ__0000000000") || w.exists(writer) {
			t.Errorf("twin %v: %d hold; want %d", twin, n, want)
		}
		if twin {
			w.stat("/l/k0123456789abcdef0123456789abcdef__rlock__0000000001")
			w.stat("/l/_c_" + someID + "-rd-lock-0000000002")
		}
		w.mustAs(1, remove(reader))
		if want := 2; dir.NumChildren() != want {
			t.Errorf("twin %v: %q are left; want %d", twin, dir.ChildNames(), want)
		}
	}
}

func TestHeld(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	one := w.mustAs(1, acquire("/l", "u")...)
	two := w.mustAs(1, acquire("/l", "v")[1:]...)
	held := func(token int64) Op { return Op{Kind: OpHeld, Path: "/l", Czxid: token} }
	w.must(held(one.Stat.Czxid), set("/l", "x"))
	if r := w.refused(ErrNotHolder, Request{Ops: []Op{held(two.Stat.Czxid), set("/l", "y")}}); r.Path != one.Path {
		t.Errorf("the refusal names %q; want %q", r.Path, one.Path)
	}
	w.refused(ErrNotHolder, Request{Ops: []Op{{Kind: OpHeld, Path: "/none", Czxid: 5}}})
	w.refused(ErrBadArguments, Request{Ops: []Op{{Kind: OpHeld, Path: "/l"}}})
	w.mustAs(1, remove(one.Path))
	w.must(held(two.Stat.Czxid))
}

// TestRest: the lock of a holder whose session has expired rests; every other end lets it pass on.
func TestRest(t *testing.T) {
	for _, twin := range []bool{false, true} {
		w := newWorld(t)
		w.open(1)
		w.open(2)
		op := Op{Kind: OpCreate, Path: "/l/_c_" + someID + "-lock-", Data: []byte("d"), ACL: OpenACL, Node: Ephemeral, Sequential: true, Parents: true, Protected: someID, Rest: 50, Twin: twin}
		one := w.mustAs(1, op)
		waits := op
		waits.Path, waits.Protected, waits.Twin = "/l/x-lock-", "", false
		two := w.mustAs(2, waits)
		if !w.draft.Expire(1, w.zxid+1, w.now) {
			t.Fatal("nothing expired")
		}
		w.zxid++
		w.commit(t)
		w.compare(t)
		dir, _ := w.tree.Get("/l")
		n, ok := w.tree.Get(one.Path)
		if !ok || n.Owner() != 0 || n.Kind() != TTL || n.Stat().EphemeralOwner != 0 || !dir.Holds(n.Name()) {
			t.Fatalf("twin %v: what held is gone", twin)
		}
		w.refused(ErrNotHolder, Request{Ops: []Op{{Kind: OpHeld, Path: "/l", Czxid: one.Stat.Czxid}}})
		reap := Op{Kind: OpReap, Path: one.Path}
		w.refused(ErrBadVersion, Request{Ops: []Op{reap}})
		w.now += 60
		if got := w.tree.Reapable(w.now, 10); !slices.Contains(got, one.Path) {
			t.Errorf("%q can be reaped; want %q", got, one.Path)
		}
		w.must(reap)
		_, name := Split(two.Path)
		if !dir.Holds(name) || dir.NumChildren() != 1 {
			t.Errorf("twin %v: %q are left", twin, dir.ChildNames())
		}
		// Whoever only waited leaves at once, and so does a holder who closes its session.
		w.mustAs(2, Op{Kind: OpClose})
		if dir.NumChildren() != 0 {
			t.Errorf("%q are left", dir.ChildNames())
		}
	}
}
