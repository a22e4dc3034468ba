package znode

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMulti(t *testing.T) {
	w := newWorld(t)
	w.must(create("/p"))

	before := w.zxid
	code, results := w.do(Request{Ops: []Op{create("/m"), versioned(set("/m", "xy"), 0), versioned(remove("/m"), 1)}})
	if code != OK || w.exists("/m") {
		t.Fatalf("§11.67 create, set and delete of one znode = %v", code)
	}
	created, changed := results[0].Stat, results[1].Stat
	if created.Version != 0 || created.DataLength != 1 || changed.Version != 1 || changed.DataLength != 2 {
		t.Errorf("§11.68 Stats after each operation = %+v, %+v", created, changed)
	}
	if created.Czxid != changed.Mzxid || w.zxid != before+1 {
		t.Errorf("§11.65 zxids of one request: %d, %d, used %d", created.Czxid, changed.Mzxid, w.zxid-before)
	}

	before = w.zxid
	picture := pictureOf(w.tree, w.now)
	for step, ops := range [][]Op{
		{check("/no", -1), create("/m")},
		{create("/m"), create("/m/x"), remove("/p"), set("/no", "x")},
		{create("/m"), set("/p", "x"), setACL("/p", readACL...), {Kind: OpFence, Path: "f", Czxid: 9}, remove("/m/no")},
	} {
		req := Request{Ops: ops}
		if code := w.judge(&req); code != ErrNoNode {
			t.Errorf("%+v = %v; want %v", ops, code, ErrNoNode)
		}
		refusal := w.draft.Changes()[step]
		if want := len(ops) - 1; step > 0 && int(refusal.Step) != want {
			t.Errorf("§11.66 refused step %d; want %d", refusal.Step, want)
		}
	}
	w.commit(t)
	if w.zxid != before {
		t.Errorf("§11.66 refused requests used %d zxids", w.zxid-before)
	}
	after := pictureOf(w.tree, w.now)
	if diff := cmp.Diff(picture, after); diff != "" {
		t.Errorf("§11.66 refused requests changed the tree:\n%s", diff)
	}

	code, results = w.do(Request{})
	if code != OK || len(results) != 0 {
		t.Errorf("§11.71 empty request = %v, %v", code, results)
	}
	w.do(Request{Session: 5})
	var many []Op
	for i := range 2000 {
		many = append(many, create(fmt.Sprintf("/p/%d", i)))
	}
	w.must(many...)
	if got := w.stat("/p").NumChildren; got != 2000 {
		t.Errorf("§11.72 children after 2000 creates = %d", got)
	}
}

// TestRolledBackEphemerals: a refused request leaves no trace of what it did to ephemerals that
// the same batch created, so a close in that batch still finds each once.
func TestRolledBackEphemerals(t *testing.T) {
	tests := []struct {
		name string
		ops  []Op
	}{
		{"deleted", []Op{remove("/b")}},
		{"created", []Op{ephemeral("/c")}},
		{"made anew", []Op{remove("/b"), ephemeral("/b")}},
		{"made anew, from the tree", []Op{remove("/a"), ephemeral("/a")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.open(1)
			w.mustAs(1, ephemeral("/a"))
			w.judge(&Request{Session: 1, Ops: []Op{ephemeral("/b")}})
			if code := w.judge(&Request{Session: 1, Ops: append(test.ops, check("/no", -1))}); code != ErrNoNode {
				t.Fatalf("multi = %v; want %v", code, ErrNoNode)
			}
			from := len(w.draft.Changes())
			w.judge(&Request{Ops: []Op{{Kind: OpClose, Session: Session{ID: 1}}}})
			var swept []string
			for _, c := range w.draft.Changes()[from:] {
				if c.Kind == Deleted {
					swept = append(swept, c.Path)
				}
			}
			if diff := cmp.Diff([]string{"/a", "/b"}, swept); diff != "" {
				t.Errorf("swept (-want +got):\n%s", diff)
			}
			w.commit(t)
			w.compare(t)
		})
	}
}

func TestSizeGrowsWithTheBatch(t *testing.T) {
	w := newWorld(t)
	if got := w.draft.Size(); got != 0 {
		t.Errorf("size of an empty batch = %d", got)
	}
	op := create("/big")
	op.Data = make([]byte, 1000)
	w.judge(&Request{Ops: []Op{op}})
	one := w.draft.Size()
	if one < 1000 || one > 1500 {
		t.Errorf("size of a znode with 1000 bytes = %d", one)
	}
	w.judge(&Request{Ops: []Op{create("/x"), op}})
	if got := w.draft.Size() - one; got <= 0 || got > 100 {
		t.Errorf("size of a refusal = %d", got)
	}
	w.commit(t)
	if got := w.draft.Size(); got != 0 {
		t.Errorf("size after Reset = %d", got)
	}
}

func TestRefuse(t *testing.T) {
	w := newWorld(t)
	w.draft.Refuse(&Request{ID: RequestID{1, 2, 3}, Ops: []Op{create("/x")}}, 0, ErrTooLarge)
	effects := w.commit(t)
	if len(effects) != 1 || effects[0].Result.Code != ErrTooLarge || w.exists("/x") {
		t.Errorf("effects of a refusal = %+v", effects)
	}
}
