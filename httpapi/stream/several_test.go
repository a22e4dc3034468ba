package stream_test

import (
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A wait for several locks is a wait: it outlasts the time that the work on a request may take, and
// counts against the limit on waits.
func TestAWaitForSeveralLocks(t *testing.T) {
	m := membertest.One(t)
	_, url := serve(t, m, stream.Limits{RequestTimeout: time.Second, MaxWaiting: 1})
	a, s1 := greeted(t, url)
	b, s2 := greeted(t, url)
	one := a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: "two"})
	_, answer := b.send(wire.Frame{Kind: wire.AcquireAll, Session: s2, Names: []string{"one", "two"}, WaitMS: -1})
	if w := b.push(wire.Waiting); w.Name != "two" || w.Position != 1 || len(w.Contenders) != 1 || w.Contenders[0].Token != one.Token || w.Ticket == "" {
		t.Errorf("waiting: %+v", w)
	}
	select {
	case f := <-answer:
		t.Fatalf("answered before its time: %+v", f)
	case <-time.After(3 * time.Second):
	}
	b.refused(wire.Frame{Kind: wire.AcquireAll, Session: s2, Names: []string{"three", "two"}, WaitMS: -1}, wire.CodeTooManyWaits)
	a.ok(wire.Frame{Kind: wire.Release, Session: s1, Name: "two", Token: one.Token})
	if f := b.await(answer); f.Kind != wire.OK || len(f.Contenders) != 2 {
		t.Errorf("several locks: %+v", f)
	}
}

// A wait for several locks is told for one after the other, and counts once.
func TestAWaitForSeveralLocksMovesOn(t *testing.T) {
	m := membertest.One(t)
	_, url := serve(t, m, stream.Limits{MaxWaiting: 1})
	a, s1 := greeted(t, url)
	b, s2 := greeted(t, url)
	names := []string{"one", "two", "three"}
	holds := map[string]wire.Frame{}
	for _, name := range names {
		holds[name] = a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: name})
	}
	id, answer := b.send(wire.Frame{Kind: wire.AcquireAll, Session: s2, Names: names, WaitMS: -1, Compat: "all"})
	for _, name := range []string{"one", "three", "two"} { // in the order of their names
		if w := b.push(wire.Waiting); w.ID != id || w.Name != name || w.Position != 1 || w.Contenders[0].Token != holds[name].Token {
			t.Errorf("waiting: %+v; want it for %s", w, name)
		}
		a.ok(wire.Frame{Kind: wire.Release, Session: s1, Name: name, Token: holds[name].Token})
	}
	if f := b.await(answer); f.Kind != wire.OK || len(f.Contenders) != 3 {
		t.Fatalf("several locks: %+v", f)
	}
	n := 0
	m.Store.View(func(tree *znode.Tree, _ int64) { n = tree.EphemeralCount() })
	if n != 6 {
		t.Errorf("%d znodes; want two for each lock, for every client", n)
	}
	a.ok(wire.Frame{Kind: wire.Acquire, Session: s1, Name: "four"})
	_, answer = b.send(wire.Frame{Kind: wire.Acquire, Session: s2, Name: "four", WaitMS: -1}) // there is room for a wait again
	if w := b.push(wire.Waiting); w.Position != 1 {
		t.Errorf("waiting: %+v", w)
	}
	a.ok(wire.Frame{Kind: wire.Release, Session: s1, Name: "four"})
	b.await(answer)
}
