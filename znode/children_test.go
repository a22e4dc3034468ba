package znode

import (
	"fmt"
	"slices"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestContenders(t *testing.T) {
	w := newWorld(t)
	w.must(create("/l"))
	for _, name := range []string{
		"z", "_c_a-lock-0000000003", "_c_b-lock-0000000001", "k__lock__0000000002", "_c_b-lease-0000000002",
		"a", "_c_c-__READ__0000000001", "0000000000",
	} {
		w.must(create("/l/" + name))
	}
	n, _ := w.tree.Get("/l")
	want := []string{
		"0000000000", "_c_b-lock-0000000001", "_c_c-__READ__0000000001", "_c_b-lease-0000000002", "k__lock__0000000002",
		"_c_a-lock-0000000003", "a", "z",
	}
	if diff := cmp.Diff(want, n.ChildNames()); diff != "" {
		t.Errorf("children (-want +got):\n%s", diff)
	}
	queue := []string{"_c_b-lock-0000000001", "_c_c-__READ__0000000001", "k__lock__0000000002", "_c_a-lock-0000000003"}
	var got []string
	for name, seq := range n.Contenders() {
		if s, _ := Contender(name); s != seq {
			t.Errorf("contender %q with number %d", name, seq)
		}
		got = append(got, name)
	}
	if diff := cmp.Diff(queue, got); diff != "" {
		t.Errorf("contenders (-want +got):\n%s", diff)
	}
	for i, name := range queue {
		if at, ok := n.Position(name); !ok || at != i {
			t.Errorf("Position(%q) = %d, %v; want %d", name, at, ok, i)
		}
		seq, _ := Contender(name)
		before, _, ok := n.ContenderBefore(seq, name)
		if i == 0 && ok || i > 0 && before != queue[i-1] {
			t.Errorf("ContenderBefore(%q) = %q, %v", name, before, ok)
		}
	}
	if _, ok := n.Position("a"); ok {
		t.Error("Position of a child that is no contender is ok")
	}
	if _, ok := n.Position("_c_a-lock-0000000009"); ok {
		t.Error("Position of nobody is ok")
	}
	if before, seq, ok := n.ContenderBefore(99, "x"); !ok || before != queue[3] || seq != 3 {
		t.Errorf("ContenderBefore(99) = %q, %d, %v; want the last", before, seq, ok)
	}
	for _, name := range want {
		if child, ok := n.Child(name); !ok || child.Name() != name {
			t.Errorf("Child(%q) = %v, %v", name, child, ok)
		}
	}
	if _, ok := n.Child("b"); ok {
		t.Error("Child of a missing name is ok")
	}
	if name, seq, ok := n.FirstContender(); !ok || name != queue[0] || seq != 1 {
		t.Errorf("FirstContender() = %q, %d, %v", name, seq, ok)
	}
	root, _ := w.tree.Get("/")
	if _, _, ok := root.FirstContender(); ok {
		t.Error("the root has a first contender")
	}
}

// TestOrderedSet compares with a sorted slice, over both sizes.
func TestOrderedSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := ordered[int]{less: func(a, b int) bool { return a < b }}
		var model []int
		top := rapid.SampledFrom([]int{10, 60, 400}).Draw(t, "top")
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			x := rapid.IntRange(0, top).Draw(t, "x")
			i, found := slices.BinarySearch(model, x)
			if rapid.IntRange(0, 2).Draw(t, "step") > 0 {
				set.insert(x)
				if !found {
					model = slices.Insert(model, i, x)
				}
			} else {
				set.remove(x)
				if found {
					model = slices.Delete(model, i, i+1)
				}
			}
		}
		collect := func(walk func(func(int) bool)) (out []int) {
			walk(func(x int) bool { out = append(out, x); return true })
			return out
		}
		if got := collect(set.all); !slices.Equal(got, model) || set.len() != len(model) {
			t.Fatalf("all = %v, len %d; want %v", got, set.len(), model)
		}
		pivot := rapid.IntRange(0, top).Draw(t, "pivot")
		at := sort.SearchInts(model, pivot)
		if got := collect(func(y func(int) bool) { set.from(pivot, y) }); !slices.Equal(got, model[at:]) {
			t.Fatalf("from %d = %v; want %v", pivot, got, model[at:])
		}
		below := slices.Clone(model[:at])
		slices.Reverse(below)
		if got := collect(func(y func(int) bool) { set.below(pivot, y) }); !slices.Equal(got, below) {
			t.Fatalf("below %d = %v; want %v", pivot, got, below)
		}
		first := 0
		set.all(func(int) bool { first++; return false })
		if first > 1 {
			t.Fatal("all goes on after yield returned false")
		}
		set.clear()
		if set.len() != 0 || len(collect(set.all)) != 0 {
			t.Fatal("clear leaves something")
		}
	})
}

// TestManyChildren queues 100,000 contenders, asks each for its predecessor, and lets them go.
func TestManyChildren(t *testing.T) {
	const many = 100_000
	r := newReplica()
	r.judge(&Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: 1}}, create("/l")}})
	contender := ephemeral("/l/_c_x-lock-")
	contender.Sequential = true
	for i := range many {
		r.judge(&Request{Session: 1, Ops: []Op{contender}})
		if i%1000 == 999 {
			r.commit(t)
		}
	}
	n, _ := r.tree.Get("/l")
	for i := range int64(many) {
		name := fmt.Sprintf("_c_x-lock-%010d", i)
		if _, before, ok := n.ContenderBefore(i, name); ok != (i > 0) || ok && before != i-1 {
			t.Fatalf("ContenderBefore(%q) = %d, %v", name, before, ok)
		}
	}
	for i := range many {
		r.judge(&Request{Session: 1, Ops: []Op{remove(fmt.Sprintf("/l/_c_x-lock-%010d", i))}})
		if i%1000 == 999 {
			r.commit(t)
			if _, seq, ok := n.FirstContender(); ok && seq != int64(i+1) {
				t.Fatalf("first contender after %d left is %d", i+1, seq)
			}
		}
	}
	if n.NumChildren() != 0 {
		t.Errorf("%d children left", n.NumChildren())
	}
}
