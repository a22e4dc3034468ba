package znode

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSessionChecks(t *testing.T) {
	owner := func(member uint64, generation int64) Owner { return Owner{member, generation} }
	open := func(id SessionID) Op { return Op{Kind: OpOpen, Session: Session{ID: id}} }
	end := func(id SessionID) Op { return Op{Kind: OpClose, Session: Session{ID: id}} }
	move := func(id SessionID) Op { return Op{Kind: OpMove, Session: Session{ID: id, Owner: owner(9, 9)}} }
	tests := []struct {
		name string
		req  Request
		full bool
		want Code
	}{
		{name: "owner", req: Request{Session: 1, Owner: owner(1, 1), Ops: []Op{create("/x")}}, want: OK},
		{name: "owner not named", req: Request{Session: 1, Ops: []Op{create("/x")}}, want: OK},
		{name: "§11.6 older generation", req: Request{Session: 1, Owner: owner(1, 0), Ops: []Op{create("/x")}}, want: ErrSessionMoved},
		{name: "other member", req: Request{Session: 1, Owner: owner(2, 1), Ops: []Op{check("/", -1)}}, want: ErrSessionMoved},
		{name: "moved, nothing to do", req: Request{Session: 1, Owner: owner(2, 1)}, want: ErrSessionMoved},
		{name: "§11.100 ended session", req: Request{Session: 8, Ops: []Op{create("/x")}}, want: ErrSessionExpired},
		{name: "ended session, nothing to do", req: Request{Session: 8}, want: ErrSessionExpired},
		{name: "open", req: Request{Ops: []Op{open(5)}}, want: OK},
		{name: "open in its own name", req: Request{Session: 5, Owner: owner(4, 4), Ops: []Op{open(5)}}, want: OK},
		{name: "open in another's name", req: Request{Session: 1, Ops: []Op{open(5)}}, want: ErrBadArguments},
		{name: "open two", req: Request{Ops: []Op{open(5), open(6)}}, want: ErrBadArguments},
		{name: "open nothing", req: Request{Ops: []Op{open(0)}}, want: ErrBadArguments},
		{name: "open negative", req: Request{Ops: []Op{open(-5)}}, want: ErrBadArguments},
		{name: "open what is open", req: Request{Ops: []Op{open(1)}}, want: ErrSessionExists},
		{name: "open when full", req: Request{Ops: []Op{open(5)}}, full: true, want: ErrFull},
		{name: "use before open", req: Request{Session: 5, Ops: []Op{ephemeral("/x"), open(5)}}, want: ErrSessionExpired},
		{name: "move", req: Request{Ops: []Op{move(1)}}, want: OK},
		{name: "move when full", req: Request{Ops: []Op{move(1)}}, full: true, want: OK},
		{name: "move unknown", req: Request{Ops: []Op{move(8)}}, want: ErrSessionExpired},
		{name: "move over a lost connection", req: Request{Session: 1, Owner: owner(1, 0), Ops: []Op{move(1)}}, want: ErrSessionMoved},
		{name: "moved meanwhile", req: Request{Session: 1, Owner: owner(1, 1), Ops: []Op{move(1), create("/x")}}, want: ErrSessionMoved},
		{name: "close by id", req: Request{Ops: []Op{end(1)}}, want: OK},
		{name: "close oneself", req: Request{Session: 1, Ops: []Op{end(0)}}, want: OK},
		{name: "close nobody", req: Request{Ops: []Op{end(0)}}, want: ErrBadArguments},
		{name: "close unknown", req: Request{Ops: []Op{end(8)}}, want: ErrSessionExpired},
		{name: "close over a lost connection", req: Request{Session: 1, Owner: owner(1, 0), Ops: []Op{end(0)}}, want: ErrSessionMoved},
		{name: "close among others", req: Request{Session: 1, Ops: []Op{create("/x"), end(0)}}, want: ErrBadArguments},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.open(1)
			w.draft.Full = test.full
			if code, _ := w.do(test.req); code != test.want {
				t.Errorf("%+v = %v; want %v", test.req, code, test.want)
			}
		})
	}
}

func TestSessionLife(t *testing.T) {
	w := newWorld(t)
	labels := map[string]string{"host": "a"}
	opened := w.must(Op{Kind: OpOpen, Session: Session{ID: 4, TTL: time.Second, Labels: labels, Opened: 1, Czxid: 1}}).Session
	want := Session{ID: 4, TTL: time.Second, Labels: labels, Opened: w.now, Czxid: w.zxid}
	if diff := cmp.Diff(want, opened); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
	want.Owner = Owner{2, 3}
	moved := w.must(Op{Kind: OpMove, Session: Session{ID: 4, Owner: Owner{2, 3}}}).Session
	if diff := cmp.Diff(want, moved); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
	late := &Request{Session: 4, Ops: []Op{{Kind: OpMove, Session: Session{ID: 4, Owner: Owner{1, 3}, TTL: time.Hour}}}}
	if code, _ := w.do(*late); code != ErrSessionMoved {
		t.Errorf("a late move = %v; want %v", code, ErrSessionMoved)
	}
	want.TTL, want.Owner = time.Minute, Owner{2, 4}
	moved = w.must(Op{Kind: OpMove, Session: Session{ID: 4, Owner: Owner{2, 4}, TTL: time.Minute}}).Session
	if diff := cmp.Diff(want, moved); diff != "" {
		t.Errorf("§11.14 moved with a TTL (-want +got):\n%s", diff)
	}
	if s, ok := w.draft.Session(4); !ok || s.TTL != time.Minute {
		t.Errorf("draft's session = %+v, %v", s, ok)
	}
	if !w.draft.Expire(4, w.zxid+1, w.now) || w.draft.Expire(4, w.zxid+2, w.now) {
		t.Error("Expire does not end a session once")
	}
	if _, ok := w.draft.Session(4); ok {
		t.Error("draft still has the session it ended")
	}
	if c := w.draft.Changes()[0]; !c.Expired || c.Session != 4 || c.Request != (RequestID{}) || !c.Last {
		t.Errorf("change of an expiry = %+v", c)
	}
	w.commit(t)
	if w.tree.NumSessions() != 0 || len(w.sessions) != 0 {
		t.Errorf("after the close: %d sessions, keys %v", w.tree.NumSessions(), w.sessions)
	}
}

func TestCloseSweeps(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	w.must(create("/p"))
	w.mustAs(1, ephemeral("/p/old"), ephemeral("/p/gone"), ephemeral("/p/passed"))
	w.mustAs(2, ephemeral("/p/other"))
	// All in one batch: what the close must see and what it must not.
	w.judge(&Request{Session: 1, Ops: []Op{ephemeral("/p/new"), remove("/p/gone"), remove("/p/passed")}})
	w.judge(&Request{Session: 2, Ops: []Op{ephemeral("/p/passed")}})
	from := len(w.draft.Changes())
	zxid := w.zxid + 1
	w.judge(&Request{Session: 1, Ops: []Op{{Kind: OpClose}}})
	if code := w.judge(&Request{Session: 1, Ops: []Op{create("/late")}}); code != ErrSessionExpired {
		t.Errorf("§11.100 create behind the close = %v; want %v", code, ErrSessionExpired)
	}
	type entry struct {
		Kind ChangeKind
		Path string
		Aux  bool
		Zxid int64
	}
	var got []entry
	for _, c := range w.draft.Changes()[from:] {
		if c.Kind != Refused {
			got = append(got, entry{c.Kind, c.Path, c.Aux, c.Zxid})
		}
	}
	want := []entry{{Deleted, "/p/old", true, zxid}, {Deleted, "/p/new", true, zxid}, {SessionClosed, "", false, zxid}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("§11.99 changes of the close (-want +got):\n%s", diff)
	}
	w.commit(t)
	w.compare(t)
	n, _ := w.tree.Get("/p")
	if diff := cmp.Diff([]string{"other", "passed"}, n.ChildNames()); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if got := slices.Collect(w.tree.Ephemerals(2)); !cmp.Equal(got, []string{"/p/other", "/p/passed"}) {
		t.Errorf("ephemerals of the other session = %v", got)
	}
}

func TestCloseOfTwentyThousand(t *testing.T) {
	r := newReplica()
	r.judge(&Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: 1}}, create("/p")}})
	for i := range 20000 {
		r.judge(&Request{Session: 1, Ops: []Op{ephemeral(fmt.Sprintf("/p/%05d", i))}})
		if i == 10000 {
			r.commit(t)
		}
	}
	if code := r.judge(&Request{Session: 1, Ops: []Op{{Kind: OpClose}}}); code != OK {
		t.Fatalf("§11.104 close = %v", code)
	}
	r.commit(t)
	if r.tree.EphemeralCount() != 0 || r.tree.Len() != 5 {
		t.Errorf("§11.104 after the close: %d ephemerals, %d znodes", r.tree.EphemeralCount(), r.tree.Len())
	}
}

func TestOwnChild(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	w.must(create("/p"), create("/p/a-"), create("/p/a-/deep"))
	w.mustAs(1, ephemeral("/p/a-/x"), ephemeral("/p/a-/deep/y"), ephemeral("/p/a-9"), ephemeral("/p/a-1"), ephemeral("/p/b"))
	w.mustAs(2, ephemeral("/p/a-0"))
	tests := []struct {
		name           string
		session        SessionID
		parent, prefix string
		want           string
	}{
		{"first of several", 1, "/p", "a-", "/p/a-1"},
		{"another session's", 2, "/p", "a-", "/p/a-0"},
		{"exact", 1, "/p", "b", "/p/b"},
		{"none", 1, "/p", "c", ""},
		{"elsewhere", 1, "/", "p", ""},
		{"any name", 1, "/p/a-/deep", "", "/p/a-/deep/y"},
		{"unknown session", 3, "/p", "a-", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, ok := w.tree.OwnChild(test.session, test.parent, test.prefix); got != test.want || ok != (test.want != "") {
				t.Errorf("OwnChild(%d, %q, %q) = %q, %v; want %q", test.session, test.parent, test.prefix, got, ok, test.want)
			}
		})
	}
}
