package stream_test

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
)

// TestDeadlocks closes a cycle over two streams: it is refused, listed where it may stay, and told
// as a chain; waits say what is known of how long they may last.
func TestDeadlocks(t *testing.T) {
	_, url := serve(t, membertest.One(t), stream.Limits{})
	a, s := greeted(t, url)
	b, r := greeted(t, url)
	a.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "x", Owner: "ann"})
	a.ok(wire.Frame{Kind: wire.Release, Session: s, Name: "x"}) // so that something is known of it
	a.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "x", Owner: "ann"})
	b.ok(wire.Frame{Kind: wire.Acquire, Session: r, Name: "y", Owner: "bob"})
	a.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: "y", Owner: "ann", WaitMS: -1})
	if w := a.push(wire.Waiting); w.Position != 1 || w.Ahead != 1 || w.ExpectedMS != 0 {
		t.Errorf("WAITING: %+v", w)
	}
	e := b.refused(wire.Frame{Kind: wire.Acquire, Session: r, Name: "x", Owner: "bob", WaitMS: -1}, wire.CodeDeadlock)
	if e.Name != "x" || len(e.Links) != 2 || e.Links[0].Owner != "bob" || e.Links[0].Holds != "y" || e.Links[0].Waits != "x" || e.Links[1].Owner != "ann" {
		t.Errorf("ERROR: %+v", e)
	}
	b.refused(wire.Frame{Kind: wire.Enqueue, Session: r, Name: "x", Deadlock: "off"}, wire.CodeBadRequest)
	ticket := b.ok(wire.Frame{Kind: wire.Enqueue, Session: r, Name: "x", Owner: "bob", Deadlock: "report"})
	if ticket.State != wire.Waits || ticket.Ahead != 1 || ticket.ExpectedMS < 1 {
		t.Errorf("ENQUEUE: %+v", ticket)
	}
	d := b.ok(wire.Frame{Kind: wire.Deadlocks})
	if d.Total != 1 || d.Limit != 0 || len(d.Links) != 2 || d.Links[0].Cycle != 1 || d.Links[0].Actors != 2 || d.Revision == 0 {
		t.Errorf("DEADLOCKS: %+v", d)
	}
	for _, ask := range []wire.Frame{{Session: r}, {Ticket: ticket.Ticket}} {
		ask.Kind, ask.Name = wire.Blockers, "x"
		c := b.ok(ask)
		if len(c.Links) != 3 || c.Links[0].Owner != "bob" || c.Links[1].Owner != "ann" || c.Links[2].Owner != "bob" || !c.Links[2].Closes {
			t.Errorf("BLOCKERS: %+v", c.Links)
		}
	}
	q := b.ok(wire.Frame{Kind: wire.Queue, Name: "x"})
	if len(q.Contenders) != 2 || q.Contenders[1].Ahead != 1 || q.Contenders[1].ExpectedMS < 1 {
		t.Errorf("QUEUE: %+v", q.Contenders)
	}
	held := b.refused(wire.Frame{Kind: wire.Acquire, Session: r, Name: "x", Owner: "cid"}, wire.CodeLockHeld)
	if held.ExpectedMS < 1 || held.Ahead != 2 {
		t.Errorf("a try: %+v", held)
	}
}
