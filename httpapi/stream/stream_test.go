package stream_test

import (
	"fmt"
	"testing"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
)

func TestStream(t *testing.T) {
	m := membertest.One(t)
	_, url := serve(t, m, stream.Limits{})

	t.Run("a lock from hand to hand", func(t *testing.T) {
		a, s1 := greeted(t, url)
		b, s2 := greeted(t, url)
		one := a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: "hand", WaitMS: -1, Owner: "ann", RequestID: "r1"})
		if one.State != wire.Held || one.Token == 0 || one.TTLMS != 15000 || one.SinceMS == 0 {
			t.Errorf("hold %+v", one)
		}
		b.refused(wire.Frame{Kind: wire.Acquire, Session: s2, Name: "hand"}, wire.CodeLockHeld)
		_, answer := b.send(wire.Frame{Kind: wire.Acquire, Session: s2, Name: "hand", WaitMS: -1})
		w := b.push(wire.Waiting)
		if w.Position != 1 || len(w.Contenders) != 1 || w.Contenders[0].Owner != "ann" || w.Contenders[0].Token != one.Token {
			t.Errorf("waiting %+v", w)
		}
		q := a.ok(wire.Frame{Kind: wire.Queue, Name: "hand"})
		if q.Total != 2 || len(q.Contenders) != 2 || q.Contenders[1].Door != "stream" || q.Contenders[1].State != wire.Waits {
			t.Errorf("queue %+v", q)
		}
		again := a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: "hand", WaitMS: -1, RequestID: "r1"})
		if !again.RepeatedRequest || again.Token != one.Token {
			t.Errorf("repeated %+v", again)
		}
		a.ok(wire.Frame{Kind: wire.Release, Session: s1, Name: "hand", Token: one.Token})
		two := b.await(answer)
		if two.Kind != wire.OK || two.Token <= one.Token {
			t.Errorf("second hold %+v", two)
		}
		a.refused(wire.Frame{Kind: wire.Release, Session: s1, Name: "hand", Token: two.Token}, wire.CodeNotHeld)
	})

	t.Run("tickets", func(t *testing.T) {
		a, s1 := greeted(t, url)
		b, s2 := greeted(t, url)
		held := a.ok(wire.Frame{Kind: wire.Enqueue, Session: s1, Name: "ticket"})
		place := b.ok(wire.Frame{Kind: wire.Enqueue, Session: s2, Name: "ticket"})
		if held.State != wire.Held || place.State != wire.Waits || place.Position != 1 || place.Ticket == "" {
			t.Errorf("places %+v, %+v", held, place)
		}
		if w := b.ok(wire.Frame{Kind: wire.Await, Ticket: place.Ticket, WaitMS: 1}); w.State != wire.Waits {
			t.Errorf("await %+v", w)
		}
		id, answer := b.send(wire.Frame{Kind: wire.Await, Ticket: place.Ticket, WaitMS: -1})
		b.push(wire.Waiting)
		b.send(wire.Frame{Kind: wire.Cancel, Target: id})
		if f := b.await(answer); f.Code != wire.CodeCancelled {
			t.Errorf("cancelled %+v", f)
		}
		a.ok(wire.Frame{Kind: wire.Leave, Ticket: held.Ticket})
		if w := b.ok(wire.Frame{Kind: wire.Await, Ticket: place.Ticket, WaitMS: -1}); w.State != wire.Held || w.Session != s2 || w.Name != "ticket" {
			t.Errorf("await %+v", w)
		}
		b.refused(wire.Frame{Kind: wire.Await, Ticket: held.Ticket}, wire.CodeNoTicket)
	})

	t.Run("a wait cancelled leaves the queue", func(t *testing.T) {
		a, s1 := greeted(t, url)
		b, s2 := greeted(t, url)
		a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: "cancel"})
		id, answer := b.send(wire.Frame{Kind: wire.Acquire, Session: s2, Name: "cancel", WaitMS: -1})
		b.push(wire.Waiting)
		b.send(wire.Frame{Kind: wire.Cancel, Target: id})
		if f := b.await(answer); f.Code != wire.CodeCancelled {
			t.Errorf("cancelled %+v", f)
		}
		eventually(t, func() bool { return a.ok(wire.Frame{Kind: wire.Queue, Name: "cancel"}).Total == 1 })
	})

	t.Run("the position moves on", func(t *testing.T) {
		a, s1 := greeted(t, url)
		b, s2 := greeted(t, url)
		hold := a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: "line", RequestID: "h"})
		middle := a.ok(wire.Frame{Kind: wire.Enqueue, Session: s1, Name: "line", RequestID: "m"})
		b.send(wire.Frame{Kind: wire.Acquire, Session: s2, Name: "line", WaitMS: -1})
		if w := b.push(wire.Waiting); w.Position != 2 {
			t.Errorf("waits behind %d", w.Position)
		}
		a.ok(wire.Frame{Kind: wire.Leave, Ticket: middle.Ticket})
		if w := b.push(wire.Waiting); w.Position != 1 || w.Contenders[0].Token != hold.Token {
			t.Errorf("waits %+v", w)
		}
	})

	t.Run("losses are pushed", func(t *testing.T) {
		a, s1 := greeted(t, url)
		hold := a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: "lost"})
		a.ok(wire.Frame{Kind: wire.Release, Name: "lost", Force: true, Reason: "stuck"})
		if f := a.push(wire.HoldLost); f.Token != hold.Token || f.Cause != wire.CauseForced || f.Reason != "stuck" || f.Session != s1 || f.Name != "lost" {
			t.Errorf("hold lost %+v", f)
		}
		short := a.ok(wire.Frame{Kind: wire.Open, TTLMS: 2000}).Session
		if f := a.push(wire.SessionLost); f.Session != short || f.Cause != wire.CauseExpired {
			t.Errorf("session lost %+v", f)
		}
		a.refused(wire.Frame{Kind: wire.Acquire, Session: short, Name: "x"}, wire.CodeSessionMoved)
		a.refused(wire.Frame{Kind: wire.Attach, Session: short}, wire.CodeSessionLost)
		a.ok(wire.Frame{Kind: wire.Close, Session: s1})
	})

	t.Run("a session moves to another stream", func(t *testing.T) {
		a, s := greeted(t, url)
		hold := a.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "moves"})
		b, _ := greeted(t, url)
		at := b.ok(wire.Frame{Kind: wire.Attach, Session: s, TTLMS: 20000})
		if at.TTLMS != 20000 || at.Total != 1 || at.Contenders[0].Token != hold.Token || at.Contenders[0].Znode == "" {
			t.Errorf("attached %+v", at)
		}
		if f := a.push(wire.Detached); f.Session != s {
			t.Errorf("detached %+v", f)
		}
		for _, kind := range []wire.Kind{wire.Acquire, wire.Release, wire.Close} {
			a.refused(wire.Frame{Kind: kind, Session: s, Name: "moves"}, wire.CodeSessionMoved)
		}
		b.ok(wire.Frame{Kind: wire.Release, Session: s, Name: "moves", Token: hold.Token})
	})

	t.Run("an open repeated moves the session", func(t *testing.T) {
		a, _ := greeted(t, url)
		b, _ := greeted(t, url)
		s := a.ok(wire.Frame{Kind: wire.Open, RequestID: "open"}).Session
		if again := b.ok(wire.Frame{Kind: wire.Open, RequestID: "open"}).Session; again != s {
			t.Errorf("session %x, repeated %x", s, again)
		}
		a.push(wire.Detached)
		b.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "opened"})
	})

	t.Run("touch", func(t *testing.T) {
		a, s := greeted(t, url)
		if f := a.ok(wire.Frame{Kind: wire.Touch}); len(f.Lost) != 0 {
			t.Errorf("lost %v", f.Lost)
		}
		a.ok(wire.Frame{Kind: wire.Touch, Sessions: []uint64{s}})
		a.refused(wire.Frame{Kind: wire.Touch, Sessions: []uint64{s, 99}}, wire.CodeSessionMoved)
	})

	t.Run("fences", func(t *testing.T) {
		a, _ := greeted(t, url)
		if f := a.ok(wire.Frame{Kind: wire.Check, Name: "fence", Token: 7}); f.Token != 7 {
			t.Errorf("check %+v", f)
		}
		if f := a.refused(wire.Frame{Kind: wire.Check, Name: "fence", Token: 6}, wire.CodeStaleToken); f.Highest != 7 {
			t.Errorf("stale %+v", f)
		}
		if f := a.ok(wire.Frame{Kind: wire.Fence, Name: "fence"}); f.Token != 7 {
			t.Errorf("fence %+v", f)
		}
	})

	t.Run("events", func(t *testing.T) {
		a, s := greeted(t, url)
		_, answer := a.send(wire.Frame{Kind: wire.Subscribe, Name: "seen"})
		sub := a.await(answer)
		a.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "unseen"})
		a.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "seen/1", Owner: "bob"})
		e := a.push(wire.Event)
		if e.ID != sub.ID || e.Event != wire.EventAcquired || e.Name != "seen/1" || e.Owner != "bob" || e.After == "" {
			t.Errorf("event %+v", e)
		}
		a.ok(wire.Frame{Kind: wire.Unsubscribe, Target: sub.ID})
		a.ok(wire.Frame{Kind: wire.Release, Session: s, Name: "seen/1"})
		a.ok(wire.Frame{Kind: wire.Subscribe, Name: "seen", After: e.After})
		if next := a.push(wire.Event); next.Event != wire.EventReleased {
			t.Errorf("event %+v", next)
		}
	})

	t.Run("many at once", func(t *testing.T) {
		a, s := greeted(t, url)
		var answers []<-chan wire.Frame
		for i := range 500 {
			_, c := a.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: fmt.Sprint("many/", i), WaitMS: -1})
			answers = append(answers, c)
		}
		for _, c := range answers {
			if f := a.await(c); f.Kind != wire.OK {
				t.Fatalf("answer %+v", f)
			}
		}
	})
}
