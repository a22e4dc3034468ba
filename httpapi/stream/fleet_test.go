package stream_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
)

// A stream keeps many sessions alive by one request.
func TestManySessions(t *testing.T) {
	const sessions = 2000
	m := membertest.One(t)
	_, url := serve(t, m, stream.Limits{})
	p := dial(t, url)
	p.ok(wire.Frame{Kind: wire.Hello})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var ids []uint64
	for len(ids) < sessions {
		var answers []<-chan wire.Frame
		for range 500 {
			_, c := p.send(wire.Frame{Kind: wire.Open, TTLMS: 4000})
			answers = append(answers, c)
		}
		for _, c := range answers {
			ids = append(ids, p.await(c).Session)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d bytes of heap a session, etcd's and the client's included", (after.HeapAlloc-before.HeapAlloc)/sessions)
	begun := time.Now()
	for time.Since(begun) < 8*time.Second {
		sent := time.Now()
		if f := p.ok(wire.Frame{Kind: wire.Touch}); len(f.Lost) > 0 {
			t.Fatalf("%d lost", len(f.Lost))
		}
		if took := time.Since(sent); took > time.Second {
			t.Logf("a touch took %v", took)
		}
		<-time.After(time.Second)
	}
	for _, id := range ids[:10] {
		if _, err := m.Sessions.Close(membertest.Context(t, 10*time.Second), lease.ID(id), noOwner); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		if f := p.push(wire.SessionLost); f.Cause != wire.CauseClosed {
			t.Errorf("lost %+v", f)
		}
	}
}

// A session goes on at another member, and what is left of the old stream can do nothing more.
func TestAnotherMember(t *testing.T) {
	members := membertest.Start(t, 3)
	_, urlA := serve(t, members[0], stream.Limits{})
	_, urlB := serve(t, members[1], stream.Limits{})
	a, s := greeted(t, urlA)
	hold := a.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "over", RequestID: "r"})
	b := dial(t, urlB)
	b.ok(wire.Frame{Kind: wire.Hello})
	if at := b.ok(wire.Frame{Kind: wire.Attach, Session: s}); len(at.Contenders) != 1 || at.Contenders[0].Token != hold.Token || at.Names[0] != "over" {
		t.Errorf("attached %+v", at)
	}
	a.push(wire.Detached)
	a.refused(wire.Frame{Kind: wire.Release, Session: s, Name: "over"}, wire.CodeSessionMoved)
	if h := b.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "over", RequestID: "r"}); !h.RepeatedRequest || h.Token != hold.Token {
		t.Errorf("repeated %+v", h)
	}
	a.ok(wire.Frame{Kind: wire.Attach, Session: s})
	b.push(wire.Detached)
}

// A member that has missed a part of the log ends its streams: it cannot tell what was lost.
func TestGap(t *testing.T) {
	members := membertest.Start(t, 3, func(c *membertest.Config) {
		c.Quorum.KeepRevisions, c.Quorum.CompactEvery = 10, 100*time.Millisecond
	})
	cut := membertest.Follower(t, members...)
	leader := membertest.Leader(t, members...)
	_, url := serve(t, cut, stream.Limits{})
	p, _ := greeted(t, url)
	membertest.CutOff(cut)
	membertest.Outrun(t, leader)
	membertest.Heal(cut)
	p.closed(wire.CloseRebuilt)
}
