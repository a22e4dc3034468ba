package znode

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The ids of some contenders.
var someIDs = []string{someID, "1" + someID[1:], "2" + someID[1:]}

// campaign is what a candidate sends.
func campaign(family, id string) Op {
	op := sequential("/l/_c_" + id + family)
	op.Node, op.Parents, op.Protected, op.Data = Ephemeral, true, id, []byte(id[:1])
	return op
}

func both2(id string) Op {
	op := campaign("-lock-", id)
	op.Twin = true
	return op
}

func handOver(head, heir int64) Op {
	return Op{Kind: OpHandOver, Path: "/l", Czxid: head, Heir: heir}
}

// race lets sessions 1 to 3 campaign, and returns their tokens.
func race(w world, ops ...Op) []int64 {
	w.t.Helper()
	var tokens []int64
	for i, op := range ops {
		w.open(SessionID(i + 1))
		tokens = append(tokens, w.mustAs(SessionID(i+1), op).Stat.Czxid)
	}
	return tokens
}

func (w world) queue(dir string) []string {
	w.t.Helper()
	var names []string
	n, _ := w.tree.Get(dir)
	for name := range n.Contenders() {
		names = append(names, name)
	}
	return names
}

func TestHandOver(t *testing.T) {
	for _, family := range []string{"-lock-", "-latch-"} {
		t.Run(family, func(t *testing.T) {
			w := newWorld(t)
			tokens := race(w, campaign(family, someIDs[0]), campaign(family, someIDs[1]), campaign(family, someIDs[2]))
			made := w.mustAs(1, handOver(tokens[0], tokens[2]))
			path := "/l/_c_" + someIDs[2] + family + "0000000000"
			if made.Path != path || made.Stat.EphemeralOwner != 3 || made.Stat.Czxid <= tokens[2] {
				t.Errorf("made %+v; want %q of session 3 with a new token", made, path)
			}
			n, _ := w.tree.Get(path)
			if string(n.Data()) != "2" {
				t.Errorf("its data is %q; want its own", n.Data())
			}
			want := []string{"_c_" + someIDs[2] + family + "0000000000", "_c_" + someIDs[1] + family + "0000000001"}
			if diff := cmp.Diff(want, w.queue("/l")); diff != "" {
				t.Errorf("the queue, want (-) and got (+):\n%s", diff)
			}
			w.refused(ErrNotHolder, Request{Session: 1, Ops: []Op{handOver(tokens[0], tokens[1])}})
			w.refused(ErrNotHolder, Request{Session: 3, Ops: []Op{handOver(tokens[2], tokens[1])}})
			second := w.stat("/l/" + want[1])
			if second.Czxid <= made.Stat.Czxid || second.EphemeralOwner != 2 {
				t.Errorf("who waits has %+v; want a token above %d", second, made.Stat.Czxid)
			}
			w.mustAs(3, handOver(made.Stat.Czxid, second.Czxid))
			w.must(Op{Kind: OpClose, Session: Session{ID: 2}})
			if left := w.queue("/l"); len(left) != 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

func TestHandOverIsRefused(t *testing.T) {
	w := newWorld(t)
	tokens := race(w, campaign("-lock-", someIDs[0]), campaign("-lock-", someIDs[1]))
	for _, test := range []struct {
		name string
		by   SessionID
		op   Op
		want Code
	}{
		{"nobody's request", 0, handOver(tokens[0], tokens[1]), ErrNotHolder},
		{"another session's", 2, handOver(tokens[0], tokens[1]), ErrNotHolder},
		{"a session that is over", 9, handOver(tokens[0], tokens[1]), ErrSessionExpired},
		{"by one that waits", 2, handOver(tokens[1], tokens[0]), ErrNotHolder},
		{"a token of nobody", 1, handOver(tokens[0]+1000, tokens[1]), ErrNotHolder},
		{"to nobody", 1, handOver(tokens[0], tokens[1]+1000), ErrNoNode},
		{"to itself", 1, handOver(tokens[0], tokens[0]), ErrBadArguments},
		{"without a token", 1, handOver(0, tokens[1]), ErrBadArguments},
		{"without an heir", 1, handOver(tokens[0], 0), ErrBadArguments},
		{"nowhere", 1, Op{Kind: OpHandOver, Path: "/none", Czxid: 1, Heir: 2}, ErrNotHolder},
		{"no path", 1, Op{Kind: OpHandOver, Path: "l", Czxid: 1, Heir: 2}, ErrBadArguments},
		{"the root", 1, Op{Kind: OpHandOver, Path: "/", Czxid: 1, Heir: 2}, ErrBadArguments},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := w.queue("/l")
			code, _ := w.do(Request{Session: test.by, Ops: []Op{test.op}})
			if code != test.want {
				t.Errorf("code %v; want %v", code, test.want)
			}
			if diff := cmp.Diff(before, w.queue("/l")); diff != "" {
				t.Errorf("the queue has changed:\n%s", diff)
			}
		})
	}
	w.must(Op{Kind: OpOpen, Session: Session{ID: 5, Labels: map[string]string{"door": "zookeeper"}}})
	for _, immovable := range []struct {
		name string
		by   SessionID
		op   Op
	}{
		{"kazoo's name", 2, func() Op { op := sequential("/l/x__lock__"); op.Node = Ephemeral; return op }()},
		{"an id that is none", 2, func() Op { op := sequential("/l/_c_u-lock-"); op.Node = Ephemeral; return op }()},
		{"one without a session", 2, sequential("/l/_c_" + someIDs[2] + "-lock-")},
		{"a session of ZooKeeper's", 5, campaign("-lock-", someIDs[2])},
	} {
		t.Run(immovable.name, func(t *testing.T) {
			path := w.mustAs(immovable.by, immovable.op).Path
			w.refused(ErrImmovable, Request{Session: 1, Ops: []Op{handOver(tokens[0], tokens[1])}})
			w.refused(ErrImmovable, Request{Session: 1, Ops: []Op{handOver(tokens[0], w.stat(path).Czxid)}})
			w.must(remove(path))
		})
	}
	t.Run("a number that two share", func(t *testing.T) {
		path := "/l/_c_" + someIDs[2] + "-lock-0000000000"
		w.mustAs(2, ephemeral(path))
		w.refused(ErrBadArguments, Request{Session: 1, Ops: []Op{handOver(tokens[0], tokens[1])}})
		w.must(remove(path))
	})
	t.Run("an ACL", func(t *testing.T) {
		w.must(setACL("/l", ACL{PermRead, "world", "anyone"}))
		w.refused(ErrNoAuth, Request{Session: 1, Ops: []Op{handOver(tokens[0], tokens[1])}})
	})
}

// TestHandOverMovesTwins: the second names go where the first ones go.
func TestHandOverMovesTwins(t *testing.T) {
	w := newWorld(t)
	tokens := race(w, both2(someIDs[0]), both2(someIDs[1]))
	made := w.mustAs(1, handOver(tokens[0], tokens[1]))
	dir, _ := w.tree.Get("/l")
	want := []string{"_c_" + someIDs[1] + "-lock-0000000000", groups[0][1].stem(someIDs[1]) + "0000000001"}
	if diff := cmp.Diff(want, dir.ChildNames()); diff != "" {
		t.Errorf("children, want (-) and got (+):\n%s", diff)
	}
	w.mustAs(2, remove(made.Path))
	if len(dir.ChildNames()) != 0 {
		t.Errorf("left: %q", dir.ChildNames())
	}
}

// TestHandOverIsAlone: a hand-over takes several zxids, so nothing else can happen with it.
func TestHandOverIsAlone(t *testing.T) {
	w := newWorld(t)
	tokens := race(w, both2(someIDs[0]), both2(someIDs[1]))
	before := pictureOf(w.tree, w.now)
	w.refused(ErrBadArguments, Request{Session: 1, Ops: []Op{handOver(tokens[0], tokens[1]), remove("/none")}})
	if diff := cmp.Diff(before, pictureOf(w.tree, w.now)); diff != "" {
		t.Errorf("the tree has changed:\n%s", diff)
	}
}

// TestHandOverIsBounded by the number of those who wait.
func TestHandOverIsBounded(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	head := w.mustAs(1, campaign("-lock-", someIDs[0])).Stat.Czxid
	last := int64(0)
	for i := range MaxMoved + 1 {
		last = w.zxid + 1
		w.judge(&Request{Session: 1, Ops: []Op{campaign("-lock-", fmt.Sprintf("%08d", i)+someID[8:])}})
	}
	w.commit(t)
	w.refused(ErrTooLarge, Request{Session: 1, Ops: []Op{handOver(head, last)}})
	w.mustAs(1, remove("/l/_c_"+fmt.Sprintf("%08d", 0)+someID[8:]+"-lock-0000000001"))
	made := w.mustAs(1, handOver(head, last))
	if n := len(w.queue("/l")); n != MaxMoved || w.zxid != made.Stat.Czxid+MaxMoved-1 {
		t.Errorf("%d stand there, and %d zxids were used", n, w.zxid-made.Stat.Czxid+1)
	}
}

// drawRace draws a request of a queue whose members hand over; tokens are those that stand in it.
func drawRace(t *rapid.T, tokens []int64) *Request {
	r := &Request{Session: SessionID(rapid.IntRange(1, 3).Draw(t, "session"))}
	token := func(what string) int64 {
		if len(tokens) == 0 || rapid.IntRange(0, 9).Draw(t, "any") == 0 {
			return rapid.Int64Range(0, 300).Draw(t, what)
		}
		return rapid.SampledFrom(tokens).Draw(t, what)
	}
	for range rapid.SampledFrom([]int{1, 1, 1, 1, 1, 2, 3}).Draw(t, "ops") {
		var op Op
		switch rapid.IntRange(0, 11).Draw(t, "what") {
		case 0, 1, 2, 10, 11:
			op = campaign(rapid.SampledFrom([]string{"-lock-", "-lock-", "-lock-", "-latch-"}).Draw(t, "family"), rapid.SampledFrom(someIDs).Draw(t, "id"))
			op.Twin = op.Path[len(op.Path)-6] == '-' && rapid.IntRange(0, 3).Draw(t, "twin") == 0
		case 3:
			op = sequential("/l/x-lock-")
			op.Node = Ephemeral
		case 4:
			op = remove("/l/_c_" + rapid.SampledFrom(someIDs).Draw(t, "of") + "-lock-" + "000000000" + string(rune('0'+rapid.IntRange(0, 9).Draw(t, "number"))))
		case 5:
			op = set("/l/_c_"+rapid.SampledFrom(someIDs).Draw(t, "of")+"-lock-"+"000000000"+string(rune('0'+rapid.IntRange(0, 9).Draw(t, "number"))), "v")
		default:
			op = handOver(token("head"), token("heir"))
			if len(tokens) > 0 && rapid.Bool().Draw(t, "first") {
				op.Czxid = tokens[0]
			}
		}
		r.Ops = append(r.Ops, op)
	}
	return r
}

// lineUp returns the tokens of a draft's queue, in its order, and the head's session.
func lineUp(d *Draft) (tokens []int64, head SessionID) {
	dir := d.find("/l")
	if dir == nil {
		return nil, 0
	}
	for n := range d.contenders(dir) {
		if len(tokens) == 0 {
			head = n.Owner
		}
		tokens = append(tokens, n.Czxid)
	}
	return tokens, head
}

// TestHandOverAbove judges the same hand-overs, and what comes between them, on a tree that shows
// the batch before and on one that shows it at any moment or not yet. Whatever is judged: who
// hands over was the head, the one named is the head then, and the tokens of all others grow with their places.
func TestHandOverAbove(t *testing.T) {
	done := 0
	rapid.Check(t, func(t *rapid.T) {
		plain := newReplica()
		above := &ahead{replica: newReplica()}
		above.other = NewDraft(above.tree)
		judge := func(req *Request) {
			before, head := lineUp(plain.draft)
			last := plain.zxid
			p, a := plain.judge(req), above.judge(req)
			if p != a {
				t.Fatalf("%+v: %v plain, %v above", req, p, a)
			}
			if len(req.Ops) != 1 || req.Ops[0].Kind != OpHandOver || p != OK {
				return
			}
			done++
			op := &req.Ops[0]
			after, _ := lineUp(plain.draft)
			if head != req.Session || before[0] != op.Czxid || len(after) != len(before)-1 || after[0] <= last || after[len(after)-1] != plain.zxid {
				t.Fatalf("%+v of session %d, head %d: from %d to %d", op, req.Session, head, before, after)
			}
			for i := range after[1:] {
				if after[i+1] != after[i]+1 {
					t.Fatalf("%+v leaves the tokens %d", op, after)
				}
			}
		}
		for id := range SessionID(3) {
			judge(&Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: id + 1, Owner: Owner{Member: 1}}}}})
		}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			for range rapid.IntRange(1, 10).Draw(t, "requests") {
				if rapid.IntRange(0, 3).Draw(t, "show") == 0 {
					above.show(t)
				}
				id := SessionID(rapid.IntRange(1, 3).Draw(t, "opened"))
				switch rapid.IntRange(0, 19).Draw(t, "kind") {
				case 0:
					if p, a := plain.draft.Expire(id, plain.zxid+1, plain.now), above.draft.Expire(id, above.zxid+1, above.now); p != a {
						t.Fatalf("Expire(%d): %v plain, %v above", id, p, a)
					} else if p {
						plain.zxid++
						above.zxid++
					}
				case 1, 2:
					judge(&Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: id, Owner: Owner{Member: 1}}}}})
				default:
					tokens, head := lineUp(plain.draft)
					req := drawRace(t, tokens)
					if head != 0 && rapid.Bool().Draw(t, "by the head") {
						req.Session = head
					}
					judge(req)
				}
			}
			want := append([]Change(nil), plain.draft.Changes()...)
			plain.commit(t)
			plain.compare(t)
			if diff := cmp.Diff(want, above.land(t)); diff != "" {
				t.Fatalf("change lists, plain (-) and above (+):\n%s", diff)
			}
			if diff := cmp.Diff(plain.nodes, above.nodes); diff != "" {
				t.Fatalf("znodes' keys, plain (-) and above (+):\n%s", diff)
			}
		}
		above.show(t)
		above.compare(t)
		if diff := cmp.Diff(pictureOf(plain.tree, plain.now), pictureOf(above.tree, above.now)); diff != "" {
			t.Fatalf("trees, plain (-) and above (+):\n%s", diff)
		}
	})
	if done == 0 {
		t.Error("nothing was ever handed over")
	}
}
