//go:build linux

package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/racetest"
)

// TestBadStreams lets clients send garbage over their streams, half a message, and 10,000 requests
// at once. It shows that the streams of others, at the same member and at another, never notice.
func TestBadStreams(t *testing.T) {
	racetest.Skip(t, "what others feel is measured, and clients that run ten times as long would be felt")
	c := clustertest.Start(t, 3, clustertest.Options{Flags: []string{"--header-timeout", "3s", "--stream-silence", "5s"}})
	for _, bad := range []struct {
		name string
		do   func(t *testing.T, c *clustertest.Cluster, m *clustertest.Member)
	}{
		{"garbage", streamGarbage},
		{"half a message", halfFrames},
		{"10000 requests at once", manyFrames},
		{"10000 waits at once", manyWaits},
	} {
		t.Run(bad.name, func(t *testing.T) {
			m := c.WaitLeader(t)
			here, there := streaming(t, m), streaming(t, c.Others(m)[0])
			before := resident(t, m)
			bad.do(t, c, m)
			here.check(t, "at the member that is attacked")
			there.check(t, "at another member")
			after := resident(t, m)
			t.Logf("resident memory of the member: %d MiB before, %d MiB after, %d MiB at most", before.now>>20, after.now>>20, after.peak>>20)
		})
	}
}

// streamGarbage sends what is no message, no batch or no request, each over a stream of its own,
// which the member must end.
func streamGarbage(t *testing.T, _ *clustertest.Cluster, m *clustertest.Member) {
	hello := batch(wire.Frame{Kind: wire.Hello, ID: 1})
	bad := []func(noise []byte) []byte{
		func(noise []byte) []byte { return noise },
		func(noise []byte) []byte { return message(socketBinary, noise) },
		func(noise []byte) []byte { return message(socketBinary, append(hello, noise...)) },
		func([]byte) []byte { return message(socketText, []byte(`{"kind":"HELLO"}`)) },
		func([]byte) []byte { return message(socketBinary, batch(wire.Frame{Kind: wire.Hello})) }, // without an id
		func([]byte) []byte { // one id twice: the first waits
			twice := wire.Frame{Kind: wire.Subscribe, ID: 7, Name: "garbage/"}
			return message(socketBinary, append(hello, batch(twice, twice)...))
		},
		func([]byte) []byte { return socketFrame(socketLast|socketBinary, 1<<40) },
		func(noise []byte) []byte { // a message without end, in many frames
			b := append(socketFrame(socketBinary, len(noise)), noise...)
			for range 100 {
				b = append(append(b, socketFrame(0, len(noise))...), noise...)
			}
			return b
		},
		func([]byte) []byte { return message(socketBinary, []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}) }, // a frame of 4 GiB
		func([]byte) []byte { return message(0xf, nil) },                                                 // a kind that there is not
	}
	n := during(t, attackTime, 32, func(ctx context.Context, i int) error {
		s, err := rawStreamTo(ctx, m)
		if err != nil {
			return err
		}
		defer s.conn.Close()
		noise := make([]byte, 8<<10)
		_, _ = rand.Read(noise)
		_, _ = s.conn.Write(bad[i%len(bad)](noise)) // it may be ended in the midst of it
		if err := s.closed(); err != nil {
			return fmt.Errorf("garbage of kind %d: %w", i%len(bad), err)
		}
		return nil
	})
	t.Logf("%d streams with garbage", n)
}

// halfFrames opens streams, sends a part of a message over each and falls silent. The member must
// end them.
func halfFrames(t *testing.T, _ *clustertest.Cluster, m *clustertest.Member) {
	acquire := batch(wire.Frame{Kind: wire.Acquire, ID: 3, Name: "half"})
	halves := [][]byte{
		socketFrame(socketLast|socketBinary, 100)[:1],
		socketFrame(socketLast|socketBinary, 100)[:5],
		message(socketBinary, acquire)[:16],
		append(socketFrame(socketBinary, len(acquire)), acquire...), // another frame would have to follow
	}
	start := time.Now()
	var last atomic.Int64
	each(t, 500, 500, func(ctx context.Context, i int) error {
		s, err := halfStream(ctx, m, i%2 == 0)
		if err != nil {
			return err
		}
		defer s.conn.Close()
		if _, err := s.conn.Write(halves[i/2%len(halves)]); err != nil {
			return err
		}
		if err := s.closed(); err != nil {
			return err
		}
		last.Store(max(last.Load(), int64(time.Since(start))))
		return nil
	})
	t.Logf("the last stream with half a message was closed after %v", time.Duration(last.Load()))
}

// halfStream opens a stream, with a session or without even a HELLO.
func halfStream(ctx context.Context, m *clustertest.Member, greeted bool) (*rawStream, error) {
	if !greeted {
		return rawStreamTo(ctx, m)
	}
	s, _, err := greetedStream(ctx, m, 2*time.Second)
	return s, err
}

// many is how many requests are sent at once over one stream.
const many = 10_000

// manyFrames sends 10,000 acquires at once over one stream, and that again and again. Each gets one
// answer: the lock, or that there is too much to do.
func manyFrames(t *testing.T, _ *clustertest.Cluster, m *clustertest.Member) {
	s, session, err := greetedStream(t.Context(), m, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer s.conn.Close()
	answers := map[string]int{}
	start, rounds := time.Now(), 0
	for ; time.Since(start) < attackTime; rounds++ {
		first := uint64(100 + rounds*many)
		sent := s.sendMany(first, func(i int) wire.Frame {
			return wire.Frame{Kind: wire.Acquire, Session: session, Name: fmt.Sprintf("many/%d", i)}
		})
		answered := make([]bool, many)
		left := many
		err := s.receive(func(f *wire.Frame) bool {
			i := f.ID - first
			if f.Kind != wire.OK && f.Kind != wire.Error || i >= many {
				return false
			}
			if answered[i] {
				t.Errorf("request %d is answered twice", f.ID)
			}
			answered[i] = true
			answers[f.Code]++
			left--
			return left == 0
		})
		if err := errors.Join(<-sent, err); err != nil {
			t.Fatalf("%d of %d requests have no answer: %v", left, many, err)
		}
	}
	t.Logf("%d times %d requests at once were answered in %v: %v", rounds, many, time.Since(start), answers)
	for code, n := range answers {
		switch code {
		case "", wire.CodeTooManyRequests, wire.CodeLockHeld, wire.CodeUnavailable:
		default:
			t.Errorf("%d requests are answered %s", n, code)
		}
	}
	if answers[""] == 0 {
		t.Error("none was granted")
	}
	if err := s.send(batch(wire.Frame{Kind: wire.Close, ID: 1, Session: session})); err != nil {
		t.Error(err)
	}
	if err := s.receive(func(f *wire.Frame) bool { return f.ID == 1 }); err != nil {
		t.Errorf("the stream does not live on: %v", err)
	}
}

// sendMany sends requests with growing ids, in few messages, and tells how that ended.
func (s *rawStream) sendMany(first uint64, request func(i int) wire.Frame) <-chan error {
	const largest = 200 << 10 // a member takes a little more
	_ = s.conn.SetDeadline(time.Now().Add(clustertest.Patience))
	var messages []byte
	var b []byte
	for i := range many {
		f := request(i)
		f.ID = first + uint64(i)
		if b = wire.AppendFrame(b, &f); len(b) >= largest || i == many-1 {
			messages = append(messages, message(socketBinary, b)...)
			b = b[:0]
		}
	}
	sent := make(chan error, 1)
	go func() { // ends with the connection at the latest
		_, err := s.conn.Write(messages)
		sent <- err
	}()
	return sent
}

// manyWaits sends 10,000 acquires of one lock that wait, over one stream, and then breaks the
// stream off: nobody must be left in the queue.
func manyWaits(t *testing.T, c *clustertest.Cluster, m *clustertest.Member) {
	s, session, err := greetedStream(t.Context(), m, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer s.conn.Close()
	const first = 100
	sent := s.sendMany(first, func(int) wire.Frame {
		return wire.Frame{Kind: wire.Acquire, Session: session, Name: "waits", WaitMS: -1}
	})
	// Each is answered, or pushed that it waits.
	seen := map[uint64]string{}
	err = s.receive(func(f *wire.Frame) bool {
		switch {
		case f.ID < first:
		case f.Kind == wire.Waiting && seen[f.ID] == "":
			seen[f.ID] = "waits"
		case f.Kind == wire.OK:
			seen[f.ID] = "holds"
		case f.Kind == wire.Error:
			seen[f.ID] = f.Code
		}
		return len(seen) == many
	})
	if err := errors.Join(<-sent, err); err != nil {
		t.Fatalf("%d of %d waits were heard of: %v", len(seen), many, err)
	}
	count := map[string]int{}
	for _, what := range seen {
		count[what]++
	}
	t.Logf("%d waits at once: %v", many, count)
	for what, n := range count {
		switch what {
		case "waits", "holds", wire.CodeTooManyRequests, wire.CodeTooManyWaits, wire.CodeTooManyWaiters:
		default:
			t.Errorf("%d waits are answered %s", n, what)
		}
	}
	if count["holds"] != 1 {
		t.Errorf("%d hold the lock", count["holds"])
	}
	s.conn.Close()
	waitEmpty(t, c, "waits")
}
