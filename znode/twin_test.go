package znode

import "testing"

// both is what a lock that keeps every client away sends.
func both(dir, id string) []Op {
	ops := acquire(dir, id)
	ops[1].Path, ops[1].Twin = dir+"/_c_"+id+"-lock-", true
	return ops
}

const (
	firstOf  = "/l/_c_" + someID + "-lock-0000000000"
	secondOf = "/l/k0123456789abcdef0123456789abcdef__lock__0000000001"
)

func TestTwin(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	made := w.mustAs(1, both("/l", someID)...)
	one, two := w.stat(firstOf), w.stat(secondOf)
	if made.Path != firstOf || two.EphemeralOwner != 1 || two.Czxid != one.Czxid || two.DataLength != one.DataLength {
		t.Fatalf("made %+v; the second is %+v", made, two)
	}
	dir, _ := w.tree.Get("/l")
	if name, _, _ := dir.FirstContender(); dir.NumContenders() != 1 || Join("/l", name) != firstOf {
		t.Errorf("%d contenders, the first is %q; want one", dir.NumContenders(), name)
	}
	held := w.refused(ErrHeld, Request{Session: 2, Ops: acquire("/l", "f"+someID[1:])})
	if held.Path != firstOf {
		t.Errorf("held by %q", held.Path)
	}
	if again := w.mustAs(1, both("/l", someID)...); !again.Repeated || w.stat("/l").NumChildren != 2 {
		t.Errorf("the same again = %+v", again)
	}
	if next := w.mustAs(2, sequential("/l/n-")); next.Path != "/l/n-0000000002" {
		t.Errorf("the next number is that of %q", next.Path)
	}
}

// TestTwinsGoTogether: nobody can leave half a lock behind.
func TestTwinsGoTogether(t *testing.T) {
	tests := []struct {
		name string
		by   SessionID
		ops  []Op
	}{
		{"the first is deleted by its session", 1, []Op{remove(firstOf)}},
		{"the second is deleted by its session", 1, []Op{remove(secondOf)}},
		{"the first is deleted by another", 2, []Op{remove(firstOf)}},
		{"the second is deleted by another", 2, []Op{remove(secondOf)}},
		{"both at once", 1, []Op{remove(firstOf), remove(secondOf)}},
		{"both at once, backwards", 2, []Op{remove(secondOf), remove(firstOf)}},
		{"the session ends", 1, []Op{{Kind: OpClose}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.open(1)
			w.open(2)
			w.mustAs(1, both("/l", someID)...)
			w.mustAs(test.by, test.ops...)
			if w.exists(firstOf) || w.exists(secondOf) || w.tree.EphemeralCount() != 0 {
				t.Error("a part of it is left")
			}
		})
	}
	t.Run("not when the request is refused", func(t *testing.T) {
		w := newWorld(t)
		w.open(1)
		w.mustAs(1, both("/l", someID)...)
		w.refused(ErrNoNode, Request{Session: 1, Ops: []Op{remove(firstOf), remove("/none")}})
		if !w.exists(firstOf) || !w.exists(secondOf) {
			t.Error("a part of it is gone")
		}
		w.refused(ErrNoNode, Request{Session: 1, Ops: []Op{remove(firstOf), remove(firstOf)}})
	})
	t.Run("with the reason", func(t *testing.T) {
		w := newWorld(t)
		w.open(1)
		w.mustAs(1, both("/l", someID)...)
		op := remove(secondOf)
		op.Note = "maintenance"
		w.judge(&Request{Ops: []Op{op}})
		for _, c := range w.draft.Changes() {
			if c.Note != op.Note || c.Aux != (c.Path == firstOf) {
				t.Errorf("%+v", c)
			}
		}
		w.commit(t)
	})
}

// TestNoTwin: znodes that only look like the two halves of a lock are left alone.
func TestNoTwin(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	w.must(create("/l"))
	w.mustAs(1, ephemeral(firstOf))
	w.mustAs(1, ephemeral(secondOf))
	w.mustAs(2, remove(secondOf))
	if !w.exists(firstOf) {
		t.Error("a znode of an earlier request went along")
	}
	plain := acquire("/p", someID)
	w.mustAs(1, plain...)
	w.refused(ErrNodeExists, Request{Session: 1, Ops: both("/p", someID)})

	bad := func(change func(op *Op)) {
		t.Helper()
		ops := both("/q", "f"+someID[1:])
		change(&ops[1])
		w.refused(ErrBadArguments, Request{Session: 1, Ops: ops})
	}
	bad(func(op *Op) { op.Protected = "short" })
	bad(func(op *Op) { op.Sequential = false })
	bad(func(op *Op) { op.Path = "/q/n-" })
	bad(func(op *Op) { op.Protected = "F" + someID[1:]; op.Path = "/q/_c_" + op.Protected + "-lock-" })
	w.must(create("/r"))
	w.must(create("/r/k0123456789abcdef0123456789abcdef__lock__0000000002"))
	w.refused(ErrNodeExists, Request{Session: 1, Ops: both("/r", someID)})
}
