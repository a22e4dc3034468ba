//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/racetest"
)

// TestDeafStreams asks for large answers and for events over streams that never read. The member
// cuts them, and the streams of others never notice.
func TestDeafStreams(t *testing.T) {
	racetest.Skip(t, "what others feel is measured, and clients that run ten times as long would be felt")
	c := clustertest.Start(t, 3, clustertest.Options{})
	m := c.WaitLeader(t)
	s, session, err := greetedStream(t.Context(), m, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer s.conn.Close()
	reason := strings.Repeat("r", 1000)
	for i := range 500 { // answers of half a mebibyte, cut to what a message takes
		id := uint64(10 + i)
		if err := s.send(batch(wire.Frame{Kind: wire.Enqueue, ID: id, Session: session, Name: "deaf", Reason: reason})); err != nil {
			t.Fatal(err)
		}
		if err := s.receive(func(f *wire.Frame) bool { return f.ID == id }); err != nil {
			t.Fatal(err)
		}
	}
	here, there := streaming(t, m), streaming(t, c.Others(m)[0])
	before := resident(t, m)
	start := time.Now()
	each(t, 20, 20, func(ctx context.Context, _ int) error { return beDeaf(ctx, m) })
	t.Logf("the last stream that does not read was cut after %v", time.Since(start))
	here.check(t, "at the member that is attacked")
	there.check(t, "at another member")
	after := resident(t, m)
	t.Logf("resident memory of the member: %d MiB before, %d MiB after, %d MiB at most", before.now>>20, after.now>>20, after.peak>>20)
	if err := s.send(batch(wire.Frame{Kind: wire.Close, ID: 1, Session: session})); err != nil {
		t.Error(err)
	}
}

// beDeaf asks and asks, and reads nothing, until its stream is cut.
func beDeaf(ctx context.Context, m *clustertest.Member) error {
	d, err := rawStreamTo(ctx, m)
	if err != nil {
		return err
	}
	defer d.conn.Close()
	_ = d.conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	if err := d.send(batch(wire.Frame{Kind: wire.Hello, ID: 1}, wire.Frame{Kind: wire.Subscribe, ID: 2, Name: "probe/"})); err != nil {
		return err
	}
	for id := uint64(10); id < deafRequests; {
		var message []wire.Frame
		for range deafBatch {
			message = append(message, wire.Frame{Kind: wire.Queue, ID: id, Name: "deaf"})
			id++
		}
		_ = d.conn.SetWriteDeadline(time.Now().Add(clustertest.Patience))
		err := d.send(batch(message...))
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
			return errors.New("a stream that does not read is neither read from nor cut")
		}
		if err != nil {
			return nil // it is cut
		}
	}
	return fmt.Errorf("a stream that does not read is not cut after %d requests", deafRequests)
}

// A deaf stream is cut for what it has asked, however long the member takes over that: the shortest
// refusals of so many requests are several times what a stream may leave unread.
const (
	deafRequests = 1_000_000
	deafBatch    = 50
)
