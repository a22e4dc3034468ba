package barrier_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestDoubleBarrier(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	const name = "start"
	var places []barrier.Place
	var waiting []chan entered
	for i, m := range members[:2] {
		begun, done := enter(t, m, barrier.Entry{Name: name, Count: 3, Owner: m.Name(), Session: session(t, m)}, forever)
		membertest.Receive(t, "the wait", begun)
		waiting = append(waiting, done)
		if g := gathering(t, members[2], name); g.Open || g.Total != i+1 || g.Count != 3 {
			t.Fatalf("%+v", g)
		}
	}
	last, err := members[2].Barriers.Enter(patient(t), barrier.Entry{Name: name, Count: 3, ID: "the-last"}, 0)
	if err != nil || !last.Open || !last.OneShot || last.ID != "the-last" || last.Participants != 3 || last.Deadline.IsZero() {
		t.Fatalf("the last: %+v, %v", last, err)
	}
	for _, c := range waiting {
		e := membertest.Receive(t, "the others", c)
		if e.err != nil || !e.place.Open || e.place.Count != 3 {
			t.Fatalf("%+v", e)
		}
		places = append(places, e.place)
	}
	places = append(places, last)
	if g := gathering(t, members[0], name); !g.Open || g.Total != 3 {
		t.Errorf("%+v", g)
	}

	// All leave: nobody is let go before the last.
	left := make(chan barrier.Place, 3)
	for i, p := range places[:2] {
		begun := make(chan struct{})
		go func() {
			q, err := members[i].Barriers.Leave(patient(t), barrier.Exit{Name: name, ID: p.ID, Session: p.Session, Begins: func() { close(begun) }}, forever)
			if err != nil {
				t.Error(err)
			}
			left <- q
		}()
		membertest.Receive(t, "the wait", begun)
	}
	select {
	case p := <-left:
		t.Fatalf("left alone: %+v", p)
	default:
	}
	q, err := members[2].Barriers.Leave(patient(t), barrier.Exit{Name: name, ID: last.ID, Session: last.Session}, forever)
	if err != nil || q.Participants != 0 || !q.OneShot {
		t.Fatalf("%+v, %v", q, err)
	}
	for range 2 {
		if p := membertest.Receive(t, "the others", left); p.Participants != 0 {
			t.Errorf("%+v", p)
		}
	}
	if g := gathering(t, members[0], name); g.Open || g.Total != 0 {
		t.Errorf("after all have left: %+v", g)
	}
	if _, _, ok := members[2].Sessions.Look(last.Session); ok {
		t.Error("the session that was made for one participant lives on")
	}
	// Repeated, at another member.
	q, err = members[0].Barriers.Leave(patient(t), barrier.Exit{Name: name, ID: last.ID, Session: last.Session}, forever)
	if err != nil || !q.Repeated {
		t.Errorf("left again: %+v, %v", q, err)
	}
}

func TestEnterRunsOut(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	id := session(t, m)
	for _, wait := range []time.Duration{0, 20 * time.Millisecond} {
		_, err := m.Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 2, Session: id}, wait)
		e, ok := errors.AsType[*barrier.ClosedError](err)
		if !ok || e.Count != 2 || e.Participants != 1 || e.Name != "b" {
			t.Errorf("wait of %v: %v", wait, err)
		}
		if g := gathering(t, m, "b"); g.Total != 0 || g.Open {
			t.Errorf("left behind: %+v", g)
		}
	}
	ctx, cancel := context.WithCancelCause(patient(t))
	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := m.Barriers.Enter(ctx, barrier.Entry{Name: "b", Count: 2, Begins: func() { close(begun) }}, forever)
		done <- err
	}()
	membertest.Receive(t, "the wait", begun)
	cause := errors.New("enough")
	cancel(cause)
	is(t, "an entry whose context ended", membertest.Receive(t, "its end", done), cause)
	came(t, m, "b", 0)
	quorumtest.Eventually(t, "the end of its session", func() bool {
		n := 0
		m.Store.View(func(t *znode.Tree, _ int64) { n = t.NumSessions() })
		return n == 1
	})
}

func TestEnterIsRepeatable(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	r := barrier.Entry{Name: "b", Count: 2, ID: "me", TTL: time.Minute}
	begun, first := enter(t, members[0], r, forever)
	membertest.Receive(t, "the wait", begun)
	begun, second := enter(t, members[1], r, forever)
	membertest.Receive(t, "the wait of the repetition", begun)
	if g := gathering(t, members[2], "b"); g.Total != 1 {
		t.Fatalf("%+v", g)
	}
	if _, err := members[2].Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 2}, 0); err != nil {
		t.Fatal(err)
	}
	a, b := membertest.Receive(t, "the first", first), membertest.Receive(t, "the second", second)
	if a.err != nil || b.err != nil || a.place.Session != b.place.Session || a.place.Repeated || !b.place.Repeated {
		t.Errorf("%+v, %+v", a, b)
	}
	// What the first attempt takes back, the second lets stand.
	ctx, cancel := context.WithCancel(patient(t))
	r = barrier.Entry{Name: "c", Count: 2, ID: "me", Session: session(t, members[0])}
	begun = make(chan struct{})
	done := make(chan error, 1)
	go func() {
		r := r
		r.Begins = func() { close(begun) }
		_, err := members[0].Barriers.Enter(ctx, r, forever)
		done <- err
	}()
	membertest.Receive(t, "the wait", begun)
	begun, second = enter(t, members[1], r, forever)
	membertest.Receive(t, "the wait of the repetition", begun)
	cancel()
	is(t, "the first attempt", membertest.Receive(t, "its end", done), context.Canceled)
	if _, err := members[2].Barriers.Enter(patient(t), barrier.Entry{Name: "c", Count: 2}, 0); err != nil {
		t.Fatal(err)
	}
	if b := membertest.Receive(t, "the second", second); b.err != nil {
		t.Error(b.err)
	}
}

func TestWrongEntries(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	id, other := session(t, m), session(t, m)
	ok := barrier.Entry{Name: "b", Count: 2, Session: id, ID: "one"}
	begun, done := enter(t, m, ok, forever)
	membertest.Receive(t, "the wait", begun)
	for name, tt := range map[string]struct {
		change func(*barrier.Entry)
		field  string
	}{
		"no count":            {func(e *barrier.Entry) { e.Count = 0 }, "count"},
		"a negative count":    {func(e *barrier.Entry) { e.Count = -1 }, "count"},
		"too high a count":    {func(e *barrier.Entry) { e.Count = barrier.DefaultMaxParticipants + 1 }, "count"},
		"no name":             {func(e *barrier.Entry) { e.Name = "" }, "name"},
		"ready":               {func(e *barrier.Entry) { e.ID = "ready" }, "id"},
		"a path":              {func(e *barrier.Entry) { e.ID = "a/b" }, "id"},
		"a place in a queue":  {func(e *barrier.Entry) { e.ID = "x-lock-0000000001" }, "id"},
		"another's id":        {func(e *barrier.Entry) { e.Session = other }, "id"},
		"an owner not UTF-8":  {func(e *barrier.Entry) { e.Owner = "\xff" }, "owner"},
		"too long an id":      {func(e *barrier.Entry) { e.ID = string(make([]byte, 200)) }, "id"},
		"a negative TTL":      {func(e *barrier.Entry) { e.Session, e.ID, e.TTL = 0, "", -1 }, "ttl"},
		"an id of the parent": {func(e *barrier.Entry) { e.ID = ".." }, "id"},
	} {
		t.Run(name, func(t *testing.T) {
			e := ok
			tt.change(&e)
			_, err := m.Barriers.Enter(patient(t), e, 0)
			membertest.BadInput(t, err, tt.field)
		})
	}
	_, err := m.Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 3, Session: other}, 0)
	if e, ok := errors.AsType[*barrier.CountError](err); !ok || e.Others != 2 || e.Count != 3 {
		t.Errorf("another count: %v", err)
	}
	_, err = m.Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 2, Session: 99}, 0)
	is(t, "a session that never was", err, lease.ErrLost)
	_, err = m.Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 2, Session: other, Generation: 7}, 0)
	is(t, "a generation that is not its own", err, znode.ErrSessionMoved)
	_, err = m.Barriers.Leave(patient(t), barrier.Exit{Name: "b", ID: "one", Session: other}, 0)
	membertest.BadInput(t, err, "id")
	_, err = m.Barriers.Leave(patient(t), barrier.Exit{Name: "b", Session: other}, 0)
	membertest.BadInput(t, err, "id")
	_, err = m.Barriers.Leave(patient(t), barrier.Exit{Name: "b", ID: "one"}, 0)
	membertest.BadInput(t, err, "session")
	_, err = m.Barriers.Leave(patient(t), barrier.Exit{Name: "b", ID: "two", Session: 99}, 0)
	is(t, "a leave of a session that never was", err, lease.ErrLost)
	if p, err := m.Barriers.Enter(patient(t), barrier.Entry{Name: "b", Count: 2, Session: other}, 0); err != nil || !p.Open {
		t.Errorf("%+v, %v", p, err)
	}
	if e := membertest.Receive(t, "the first", done); e.err != nil {
		t.Error(e.err)
	}
}

// TestTooManyParticipants: a double barrier takes as many as it is told, also of those who come late.
func TestTooManyParticipants(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Barrier.MaxParticipants = 2 })
	entry := func(id string) barrier.Entry {
		return barrier.Entry{Name: "full", Count: 2, Session: session(t, m), ID: id}
	}
	begun, done := enter(t, m, entry("one"), forever)
	membertest.Receive(t, "the wait", begun)
	if _, err := m.Barriers.Enter(patient(t), entry("two"), forever); err != nil {
		t.Fatal(err)
	}
	if e := membertest.Receive(t, "the first", done); e.err != nil {
		t.Fatal(e.err)
	}
	_, err := m.Barriers.Enter(patient(t), entry("three"), 0)
	is(t, "a third of two", err, barrier.ErrTooManyParticipants)
}

// TestParticipantDies shows what becomes of a barrier whose participants' sessions end.
func TestParticipantDies(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	ctx := patient(t)
	dying, living := session(t, m), session(t, m)

	// While it waits to enter: it does not count, and is told.
	begun, done := enter(t, m, barrier.Entry{Name: "b", Count: 2, Session: dying}, forever)
	membertest.Receive(t, "the wait", begun)
	if _, err := m.Sessions.Close(ctx, dying, znode.Owner{}); err != nil {
		t.Fatal(err)
	}
	is(t, "an entry whose session ended", membertest.Receive(t, "its end", done).err, lease.ErrLost)
	_, err := m.Barriers.Enter(ctx, barrier.Entry{Name: "b", Count: 2, Session: living}, 0)
	is(t, "the second, who is alone", err, barrier.ErrClosed)

	// Once inside: nobody waits for it to leave.
	dying = session(t, m)
	_, first := enter(t, m, barrier.Entry{Name: "b", Count: 2, Session: dying}, forever)
	came(t, m, "b", 1)
	p, err := m.Barriers.Enter(ctx, barrier.Entry{Name: "b", Count: 2, Session: living}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := membertest.Receive(t, "the first", first); e.err != nil {
		t.Fatal(e.err)
	}
	begun = make(chan struct{})
	left := make(chan error, 1)
	go func() {
		_, err := m.Barriers.Leave(ctx, barrier.Exit{Name: "b", ID: p.ID, Session: living, Begins: func() { close(begun) }}, forever)
		left <- err
	}()
	membertest.Receive(t, "the wait to leave", begun)
	if _, err := m.Sessions.Close(ctx, dying, znode.Owner{}); err != nil {
		t.Fatal(err)
	}
	if err := membertest.Receive(t, "the other's leave", left); err != nil {
		t.Fatal(err)
	}
	if g := gathering(t, m, "b"); g.Open || g.Total != 0 {
		t.Errorf("left behind: %+v", g)
	}

	// All inside die: the next round does not find an open barrier.
	dying = session(t, m)
	if _, err := m.Barriers.Enter(ctx, barrier.Entry{Name: "b", Count: 1, Session: dying}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Sessions.Close(ctx, dying, znode.Owner{}); err != nil {
		t.Fatal(err)
	}
	if g := gathering(t, m, "b"); !g.Open || g.Total != 0 {
		t.Errorf("after all have died: %+v", g)
	}
	_, err = m.Barriers.Enter(ctx, barrier.Entry{Name: "b", Count: 2, Session: living}, 0)
	is(t, "the first of the next round", err, barrier.ErrClosed)
}

// TestDoubleBarrierOfOthers has participants such as Curator and kazoo make.
func TestDoubleBarrierOfOthers(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	ctx := patient(t)
	theirs, ours := session(t, m), session(t, m)
	child := func(name string) znode.Op {
		return znode.Op{Kind: znode.OpCreate, Path: "/d/" + name, Data: []byte("10.0.0.7"), ACL: znode.OpenACL, Node: znode.Ephemeral, Parents: true}
	}
	ready := znode.Op{Kind: znode.OpCreate, Path: "/d/ready", ACL: znode.OpenACL}
	remove := func(name string) znode.Op { return znode.Op{Kind: znode.OpDelete, Path: "/d/" + name, Version: -1} }

	// Theirs completes the number, and takes ready away when it leaves, as kazoo does.
	begun, done := enter(t, m, barrier.Entry{Name: "d", Count: 2, ID: "ours", Session: ours}, forever)
	membertest.Receive(t, "the wait", begun)
	foreign(t, m, theirs, child("theirs"))
	foreign(t, m, theirs, ready, remove("ready"))
	if e := membertest.Receive(t, "our entry", done); e.err != nil {
		t.Fatal(e.err)
	}
	left := make(chan error, 1)
	begun = make(chan struct{})
	go func() {
		_, err := m.Barriers.Leave(ctx, barrier.Exit{Name: "d", ID: "ours", Session: ours, Begins: func() { close(begun) }}, forever)
		left <- err
	}()
	membertest.Receive(t, "the wait to leave", begun)
	// The lowest stays until it is the last.
	if g := gathering(t, m, "d"); g.Total != 2 {
		t.Errorf("%+v", g)
	}
	foreign(t, m, theirs, remove("theirs"))
	if err := membertest.Receive(t, "our leave", left); err != nil {
		t.Error(err)
	}

	// Ours completes theirs.
	foreign(t, m, theirs, child("a"))
	if p, err := m.Barriers.Enter(ctx, barrier.Entry{Name: "d", Count: 2, ID: "b", Session: ours}, 0); err != nil || p.Participants != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	if g := gathering(t, m, "d"); !g.Open || g.Participants[0].Owner != "10.0.0.7" || g.Participants[0].Door != "zookeeper" {
		t.Errorf("%+v", g)
	}
	// Whoever is not the lowest goes at once; one that comes in below hands the wait on.
	p, err := m.Barriers.Leave(ctx, barrier.Exit{Name: "d", ID: "b", Session: ours}, 10*time.Millisecond)
	if err != nil || p.Participants != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}
