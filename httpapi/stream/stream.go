package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
)

const (
	tickEvery = time.Second     // how exact a stream's own times are
	shakeTime = 2 * time.Second // for the client to confirm a close
)

// A stream is one client's connection.
type stream struct {
	door  *Door
	conn  *websocket.Conn
	net   net.Conn // under conn
	begun time.Time
	heard atomic.Int64  // when the last message or ping came, in nanoseconds since begun
	wake  chan struct{} // to the writer
	gone  chan struct{} // closed when nothing works for the stream any more
	large chan struct{} // has an element for each answer in the making that may fill a message

	wg sync.WaitGroup // counts workers and subscriptions

	mu       sync.Mutex // guards what follows; taken inside the store's apply loop
	more     sync.Cond  // of workers, on mu
	workers  workers
	flying   map[uint64]*job // by the request's id
	waits    int             // how many of them wait
	spare    []*job
	subs     map[uint64]*subscription
	sessions map[lease.ID]attached
	opening  int                // sessions about to be attached
	lost     map[int64]struct{} // tokens lost while requests were in flight
	greeted  bool
	refusing bool     // the member stops
	closing  *closing // the connection is about to be closed
	over     bool     // nothing is sent any more
	out      outbox
	scratch  []byte
	kept     []byte // memory for the next message
}

// A closing is how a connection is closed, once what is queued has left.
type closing struct {
	code   int
	reason string // at most 123 bytes
	sent   bool
}

func newStream(d *Door) *stream {
	s := &stream{
		door: d, begun: time.Now(),
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
		large:  make(chan struct{}, max(1, d.limits.MaxUnsentBytes/2/d.limits.MaxFrameBytes)),
		flying: map[uint64]*job{}, subs: map[uint64]*subscription{},
		sessions: map[lease.ID]attached{}, lost: map[int64]struct{}{},
	}
	s.more.L = &s.mu
	return s
}

func (s *stream) now() time.Duration { return time.Since(s.begun) }

// wantsWebSocket tells apart who has come here by mistake.
func wantsWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// accept makes the connection the stream's own, and reports whether there is a stream to serve.
// If not, the client has been told why.
func (s *stream) accept(w http.ResponseWriter, r *http.Request) bool {
	tap := &tapped{ResponseWriter: w}
	conn, err := websocket.Accept(tap, r, &websocket.AcceptOptions{
		Subprotocols:   []string{wire.Subprotocol},
		OnPingReceived: func(context.Context, []byte) bool { s.hear(); return true },
	})
	if err != nil {
		s.door.log.Debug("a stream was not accepted", "err", err)
		return false
	}
	conn.SetReadLimit(int64(s.door.limits.MaxFrameBytes))
	s.mu.Lock()
	s.conn, s.net = conn, tap.conn
	s.mu.Unlock()
	if conn.Subprotocol() != wire.Subprotocol {
		s.shake(&closing{code: wire.CloseRefused, reason: "the subprotocol must be " + wire.Subprotocol})
		return false
	}
	return true
}

// A tapped keeps the connection that is taken out of a ResponseWriter.
type tapped struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack is part of http.Hijacker.
func (t *tapped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	t.conn = conn
	return conn, rw, err
}

// WriteHeaderNow passes on what some writers need before they are hijacked.
func (t *tapped) WriteHeaderNow() {
	if w, ok := t.ResponseWriter.(interface{ WriteHeaderNow() }); ok {
		w.WriteHeaderNow()
	}
}

// run serves the stream to its end.
func (s *stream) run() {
	var writer sync.WaitGroup
	writer.Go(s.write)
	err := s.read()
	s.end()
	s.wg.Wait()
	close(s.gone)
	writer.Wait()
	_ = s.conn.CloseNow()
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	s.door.meters.ended(closing, err)
	s.door.log.Debug("stream ended", "err", err)
}

// read takes messages until the connection is closed, by whichever side.
func (s *stream) read() error {
	var buf []byte
	for {
		kind, r, err := s.conn.Reader(context.Background()) // ended by closing the connection
		if err != nil {
			return err
		}
		if buf, err = readInto(buf[:0], r); err != nil {
			return err
		}
		s.hear()
		if kind != websocket.MessageBinary {
			s.close(wire.CloseNotBinary, "messages are binary")
			continue
		}
		s.receive(buf)
		if cap(buf) > keptMessage {
			buf = nil
		}
	}
}

// readInto appends r to buf.
func readInto(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

func (s *stream) hear() { s.heard.Store(int64(s.now())) }

// tick looks for what has taken too long. It runs about every tickEvery.
func (s *stream) tick() {
	now, l := s.now(), &s.door.limits
	var moved []waiter
	s.mu.Lock()
	switch {
	case now-time.Duration(s.heard.Load()) > l.Silence:
		s.closeLocked(wire.CloseSilent, fmt.Sprintf("nothing came for %v", l.Silence))
	case !s.greeted && now > l.HelloTimeout:
		s.closeLocked(wire.CloseRefused, "no HELLO in time")
	}
	for _, j := range s.flying {
		switch {
		case now-j.begun > patience(j, l.RequestTimeout):
			j.end(context.DeadlineExceeded)
		case j.waits:
			moved = append(moved, waiter{j, j.request.ID, j.ticket, j.name})
		}
	}
	s.trimLocked()
	s.mu.Unlock()
	for _, w := range moved {
		s.tellPosition(w)
	}
}

// patience is how long the work on j may take, its wait included.
func patience(j *job, bound time.Duration) time.Duration {
	if !j.waits {
		return bound
	}
	wait := millis(j.request.WaitMS)
	if wait < 0 || wait > maxSpan-bound {
		return maxSpan
	}
	return wait + bound
}

// close closes the connection, once what is queued has left.
func (s *stream) close(code int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked(code, reason)
}

func (s *stream) closeLocked(code int, reason string) {
	if s.closing == nil {
		s.closing = &closing{code: code, reason: reason}
		s.wakeLocked()
	}
}

// shake closes the connection with a code and a reason. Only the writer calls it, or who has not
// begun to write.
func (s *stream) shake(c *closing) {
	_ = s.net.SetDeadline(time.Now().Add(shakeTime))
	_ = s.conn.Close(websocket.StatusCode(c.code), c.reason)
}

// cut ends the connection at once. What has not left is dropped: a kernel that went on offering
// it to a client that does not read would keep megabytes for minutes, and the client would not
// learn that it is cut.
func (s *stream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.net != nil {
		if tcp, ok := s.net.(interface{ SetLinger(seconds int) error }); ok {
			_ = tcp.SetLinger(0)
		}
		_ = s.net.SetDeadline(time.Unix(1, 0))
		_ = s.net.Close()
	}
}

// going tells the client that the member stops, takes no more requests and ends waits.
func (s *stream) going() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing {
		return
	}
	s.refusing = true
	s.pushFrameLocked(&wire.Frame{Kind: wire.Going})
	for _, j := range s.flying {
		if j.waits {
			j.end(errClosing)
		}
	}
	for _, sub := range s.subs {
		sub.end(errClosing)
	}
	s.leaveLocked()
}

// leaveLocked closes the connection of a stream that the member's stop has emptied.
func (s *stream) leaveLocked() {
	if s.refusing && len(s.flying) == 0 && len(s.subs) == 0 {
		s.closeLocked(wire.CloseGoing, "this member stops")
	}
}

// end ends whatever works for the stream: there is nobody left to answer.
func (s *stream) end() {
	s.mu.Lock()
	s.over = true
	for _, j := range s.flying {
		j.end(errBroken)
	}
	for _, sub := range s.subs {
		sub.end(errBroken)
	}
	s.more.Broadcast()
	s.mu.Unlock()
	s.detachAll()
}
