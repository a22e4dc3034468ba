package stream_test

import (
	"errors"
	"testing"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/value"
)

// codeOf stands for the rows of the REST door's table about barriers and values.
func codeOf(err error) (string, bool) {
	for _, row := range []struct {
		err  error
		code string
	}{
		{barrier.ErrClosed, wire.CodeBarrierClosed},
		{barrier.ErrCount, wire.CodeBarrierCount},
		{barrier.ErrNotABarrier, wire.CodeNotABarrier},
		{value.ErrNotHolder, wire.CodeNotHolder},
		{value.ErrVersion, wire.CodeBadVersion},
		{value.ErrNone, wire.CodeNoValue},
		{value.ErrTooLong, wire.CodeBodyTooLarge},
	} {
		if errors.Is(err, row.err) {
			return row.code, false
		}
	}
	return problem(err)
}

// serveAll opens a door with barriers and values.
func serveAll(tb testing.TB) string {
	tb.Helper()
	m := membertest.One(tb)
	d, err := stream.New(stream.Config{
		Sessions: m.Sessions, Locks: m.Locks, Barriers: m.Barriers, Values: m.Values,
		Subscribe: func(string, *lock.EventID) (stream.Subscription, error) { return nil, lock.ErrTooManySubscribers },
		Member:    m.Quorum.ID(), Revision: m.Store.Revision, Problem: codeOf,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return listen(tb, d)
}

func TestBarrierOverAStream(t *testing.T) {
	url := serveAll(t)
	p, _ := greeted(t, url)
	if a := p.ok(wire.Frame{Kind: wire.AwaitBarrier, Name: "gate", WaitMS: -1}); a.Closed {
		t.Errorf("%+v", a)
	}
	if a := p.ok(wire.Frame{Kind: wire.SetBarrier, Name: "gate", Owner: "ann"}); !a.Closed || a.SinceMS == 0 || a.RepeatedRequest {
		t.Errorf("%+v", a)
	}
	if a := p.ok(wire.Frame{Kind: wire.Barrier, Name: "gate"}); !a.Closed || a.Owner != "ann" {
		t.Errorf("%+v", a)
	}
	a := p.refused(wire.Frame{Kind: wire.AwaitBarrier, Name: "gate"}, wire.CodeBarrierClosed)
	if a.Owner != "ann" || a.Name != "gate" || !a.Closed {
		t.Errorf("%+v", a)
	}
	id, waits := p.send(wire.Frame{Kind: wire.AwaitBarrier, Name: "gate", WaitMS: -1})
	if f := p.push(wire.Waiting); f.ID != id {
		t.Errorf("%+v", f)
	}
	cancelled, gone := p.send(wire.Frame{Kind: wire.AwaitBarrier, Name: "gate", WaitMS: -1})
	p.push(wire.Waiting)
	p.send(wire.Frame{Kind: wire.Cancel, Target: cancelled})
	if a := p.await(gone); a.Code != wire.CodeCancelled {
		t.Errorf("%+v", a)
	}
	if a := p.ok(wire.Frame{Kind: wire.RemoveBarrier, Name: "gate"}); a.Closed || a.RepeatedRequest {
		t.Errorf("%+v", a)
	}
	if a := p.await(waits); a.Kind != wire.OK {
		t.Errorf("%+v", a)
	}
	p.refused(wire.Frame{Kind: wire.AwaitBarrier, Name: "gate", WaitMS: -2}, wire.CodeBadRequest)
	p.refused(wire.Frame{Kind: wire.SetBarrier, Name: "a//b"}, wire.CodeBadRequest)
}

func TestDoubleBarrierOverAStream(t *testing.T) {
	url := serveAll(t)
	p, session := greeted(t, url)
	enter := wire.Frame{Kind: wire.Enter, Name: "start", Session: session, Count: 2, WaitMS: -1, Participant: "one", Owner: "ann"}
	_, one := p.send(enter)
	p.push(wire.Waiting)
	g := p.ok(wire.Frame{Kind: wire.Barrier, Name: "start", Limit: 10})
	if !g.Closed || g.Total != 1 || g.Count != 2 || len(g.Contenders) != 1 || g.Contenders[0].Znode != "one" || g.Contenders[0].Owner != "ann" {
		t.Errorf("%+v", g)
	}
	wrong := enter
	wrong.Count, wrong.Participant = 3, "two"
	if a := p.refused(wrong, wire.CodeBarrierCount); a.Count != 2 {
		t.Errorf("%+v", a)
	}
	wrong.Count = 0
	p.refused(wrong, wire.CodeBadRequest)
	wrong.Count, wrong.Session = 2, 99
	p.refused(wrong, wire.CodeSessionMoved)
	two := enter
	two.Participant = "two"
	if a := p.ok(two); a.Participant != "two" || a.Total != 2 {
		t.Errorf("%+v", a)
	}
	if a := p.await(one); a.Kind != wire.OK || a.Participant != "one" || a.Count != 2 {
		t.Errorf("%+v", a)
	}
	exit := wire.Frame{Kind: wire.Exit, Name: "start", Session: session, Participant: "one", WaitMS: -1}
	_, left := p.send(exit)
	p.push(wire.Waiting)
	exit.Participant = "two"
	if a := p.ok(exit); a.Total != 0 {
		t.Errorf("%+v", a)
	}
	if a := p.await(left); a.Kind != wire.OK || a.Total != 0 {
		t.Errorf("%+v", a)
	}

	// Whoever is cancelled is taken back.
	id, gone := p.send(enter)
	for p.push(wire.Waiting).ID != id { // one of those before may have waited for a moment
	}
	p.send(wire.Frame{Kind: wire.Cancel, Target: id})
	if a := p.await(gone); a.Code != wire.CodeCancelled {
		t.Errorf("%+v", a)
	}
	quorumtest.Eventually(t, "the participant's leaving", func() bool { // in the background
		return p.ok(wire.Frame{Kind: wire.Barrier, Name: "start", Limit: 10}).Total == 0
	})
	enter.WaitMS, enter.Participant = 0, "three"
	if a := p.refused(enter, wire.CodeBarrierClosed); a.Count != 2 || a.Total != 1 {
		t.Errorf("%+v", a)
	}
}

func TestValuesOverAStream(t *testing.T) {
	url := serveAll(t)
	p, session := greeted(t, url)
	put := wire.Frame{Kind: wire.PutValue, Name: "x", Data: []byte("\x00one"), DataVersion: -1}
	if a := p.ok(put); a.DataVersion != 0 || a.Mzxid == 0 || a.SinceMS == 0 || a.TimeMS == 0 {
		t.Errorf("%+v", a)
	}
	if a := p.ok(wire.Frame{Kind: wire.GetValue, Name: "x"}); string(a.Data) != "\x00one" || a.DataVersion != 0 {
		t.Errorf("%+v", a)
	}
	hold := p.ok(wire.Frame{Kind: wire.Acquire, Session: session, Name: "l", Owner: "ann"})
	put.Lock, put.Token, put.DataVersion = "l", hold.Token, 0
	if a := p.ok(put); a.DataVersion != 1 {
		t.Errorf("%+v", a)
	}
	if a := p.refused(put, wire.CodeBadVersion); a.DataVersion != 1 {
		t.Errorf("%+v", a)
	}
	put.Token = hold.Token - 1
	a := p.refused(put, wire.CodeNotHolder)
	if a.Name != "l" || a.Token != put.Token || len(a.Contenders) != 1 || a.Contenders[0].Owner != "ann" {
		t.Errorf("%+v", a)
	}
	p.refused(wire.Frame{Kind: wire.GetValue, Name: "nothing"}, wire.CodeNoValue)
	p.refused(wire.Frame{Kind: wire.PutValue, Name: "y", DataVersion: -1, Data: make([]byte, value.DefaultMaxBytes+1)}, wire.CodeBodyTooLarge)
	p.refused(wire.Frame{Kind: wire.PutValue, Name: "y", DataVersion: -2}, wire.CodeBadRequest)
	p.refused(wire.Frame{Kind: wire.DeleteValue, Name: "x", DataVersion: -1, Token: 3}, wire.CodeBadRequest)
	p.ok(wire.Frame{Kind: wire.DeleteValue, Name: "x", DataVersion: 1})
}

// TestWithoutBarriers has a door that serves neither.
func TestWithoutBarriers(t *testing.T) {
	m := membertest.One(t)
	_, url := serve(t, m, stream.Limits{})
	p, _ := greeted(t, url)
	p.refused(wire.Frame{Kind: wire.AwaitBarrier, Name: "x"}, wire.CodeUnknownKind)
	p.refused(wire.Frame{Kind: wire.GetValue, Name: "x"}, wire.CodeUnknownKind)
}
