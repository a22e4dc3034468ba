package znode

import (
	"testing"
)

const someID = "01234567-89ab-cdef-0123-456789abcdef"

// acquire is what a lock's try-acquire sends.
func acquire(dir, id string) []Op {
	contender := ephemeral(dir + "/_c_" + id + "-lock-")
	contender.Sequential, contender.Parents, contender.Protected = true, true, id
	return []Op{{Kind: OpVacant, Path: dir, Protected: id}, contender}
}

func TestVacant(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	first := w.mustAs(1, acquire("/l", someID)...)
	if want := "/l/_c_" + someID + "-lock-0000000000"; first.Path != want || first.Repeated {
		t.Fatalf("first acquire = %+v; want %q", first, want)
	}

	other := "f" + someID[1:]
	held := w.refused(ErrHeld, Request{Session: 2, Ops: acquire("/l", other)})
	if held.Path != first.Path || held.Stat.EphemeralOwner != 1 || held.Stat.Czxid != first.Stat.Czxid {
		t.Errorf("held by %+v; want %+v", held, first)
	}
	w.refused(ErrHeld, Request{Session: 1, Ops: acquire("/l", other)})

	again := w.mustAs(1, acquire("/l", someID)...)
	if !again.Repeated || again.Path != first.Path || again.Stat.Czxid != first.Stat.Czxid {
		t.Errorf("repeated acquire = %+v; want the first znode %+v", again, first)
	}
	if n := w.stat("/l").NumChildren; n != 1 {
		t.Errorf("a repeated acquire left %d contenders", n)
	}
	// Another session's znode under the same id is nobody's own.
	w.refused(ErrHeld, Request{Session: 2, Ops: acquire("/l", someID)})

	w.must(remove(first.Path))
	if got := w.mustAs(2, acquire("/l", other)...); got.Repeated {
		t.Errorf("acquire of the free lock = %+v", got)
	}
	w.must(create("/quiet"), create("/quiet/reader-0000000001"))
	w.must(Op{Kind: OpVacant, Path: "/quiet"})
	w.must(closed("/shut", ACL{PermAll, "digest", "ann:1"}))
	w.refused(ErrNoAuth, Request{Ops: []Op{{Kind: OpVacant, Path: "/shut"}}})
	w.refused(ErrBadArguments, Request{Ops: []Op{{Kind: OpVacant, Path: "/x/"}}})
	w.refused(ErrSessionExpired, Request{Session: 9, Ops: []Op{{Kind: OpVacant, Path: "/x"}}})
}

// TestVacantWithinABatch: the queue is judged as the batch has left it.
func TestVacantWithinABatch(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	other := "f" + someID[1:]
	steps := []struct {
		name    string
		session SessionID
		ops     []Op
		want    Code
	}{
		{"first", 1, acquire("/l", someID), OK},
		{"held by the same batch", 2, acquire("/l", other), ErrHeld},
		{"repeated in the same batch", 1, acquire("/l", someID), OK},
		{"release", 1, []Op{remove("/l/_c_" + someID + "-lock-0000000000")}, OK},
		{"free again", 2, acquire("/l", other), OK},
	}
	for _, step := range steps {
		if code := w.judge(&Request{Session: step.session, Ops: step.ops}); code != step.want {
			t.Errorf("%s = %v; want %v", step.name, code, step.want)
		}
	}
	effects := w.commit(t)
	w.compare(t)
	for i, e := range effects {
		if e.Result.Code == ErrHeld && e.Result.Path != "/l/_c_"+someID+"-lock-0000000000" {
			t.Errorf("entry %d: held by %q, the holder at that moment was the first", i, e.Result.Path)
		}
	}
}

// TestSeveralUnderOneID: a request may create several znodes under one id, in the session it
// opens; sent again with another number it creates none.
func TestSeveralUnderOneID(t *testing.T) {
	w := newWorld(t)
	ops := func(id SessionID) []Op {
		second := ephemeral("/l/k__lock__")
		second.Sequential, second.Protected = true, someID
		return append(acquire("/l", someID), second)
	}
	open := Op{Kind: OpOpen, Session: Session{ID: 3, OneShot: true}}
	code, results := w.do(Request{Ops: append([]Op{open}, ops(3)...)})
	if code != OK || results[2].Path != "/l/_c_"+someID+"-lock-0000000000" || results[3].Path != "/l/k__lock__0000000001" {
		t.Fatalf("one-shot acquire = %v, %+v", code, results)
	}
	if owner := results[3].Stat.EphemeralOwner; owner != 3 {
		t.Errorf("owner = %d; want the session opened in the request", owner)
	}
	code, results = w.do(Request{Session: 3, Ops: ops(3)})
	if code != OK || !results[1].Repeated || !results[2].Repeated || w.stat("/l").NumChildren != 2 {
		t.Errorf("the same again = %v, %+v", code, results)
	}
	existing := w.refused(ErrSessionExists, Request{Ops: append([]Op{open}, ops(3)...)})
	if existing.Session.ID != 3 || !existing.Session.OneShot {
		t.Errorf("refused with session %+v; want the one that exists", existing.Session)
	}
}

func TestFence(t *testing.T) {
	w := newWorld(t)
	raise := func(token int64) Op { return Op{Kind: OpFence, Path: "db", Czxid: token} }
	tests := []struct {
		name  string
		token int64
		want  Code
		after int64
	}{
		{"first", 5, OK, 5},
		{"equal", 5, OK, 5},
		{"lower", 4, ErrStaleToken, 5},
		{"higher", 9, OK, 9},
		{"zero", 0, ErrBadArguments, 9},
		{"negative", -3, ErrBadArguments, 9},
	}
	for _, test := range tests {
		code, results := w.do(Request{Ops: []Op{raise(test.token)}})
		if code != test.want {
			t.Errorf("%s: fence %d = %v; want %v", test.name, test.token, code, test.want)
		}
		if code != ErrBadArguments && results[0].Token != test.after {
			t.Errorf("%s: answer says %d; want %d", test.name, results[0].Token, test.after)
		}
		if got, _ := w.tree.Fence("db"); got != test.after {
			t.Errorf("%s: fence stands at %d; want %d", test.name, got, test.after)
		}
	}
	w.refused(ErrBadArguments, Request{Ops: []Op{{Kind: OpFence, Czxid: 1}}})
	// A refused request takes its fences back, whether the batch had touched them before or not.
	w.judge(&Request{Ops: []Op{raise(20)}})
	w.judge(&Request{Ops: []Op{raise(21), raise(22), {Kind: OpFence, Path: "new", Czxid: 1}, check("/no", -1)}})
	w.commit(t)
	w.compare(t)
	if got, _ := w.tree.Fence("db"); got != 20 || w.tree.NumFences() != 1 {
		t.Errorf("fence after a refused request = %d of %d; want 20 of 1", got, w.tree.NumFences())
	}
}
