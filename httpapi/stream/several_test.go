package stream_test

import (
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
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
