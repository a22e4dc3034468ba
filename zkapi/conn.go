package zkapi

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A conn is one client's connection.
type conn struct {
	door *Door
	nc   net.Conn
	ip   string

	ctx    context.Context // done when the connection is cut or has ended
	cancel context.CancelCauseFunc
	gone   chan struct{} // closed when the door has forgotten the connection

	// The session, from the handshake on.
	session lease.ID
	owner   znode.Owner
	timeout time.Duration

	auth      atomic.Pointer[[]znode.Credential]
	confirmed atomic.Int64 // sending of the last confirmed touch, by clock.Boot
	heard     atomic.Int64 // when the client was last heard, by clock.Boot
	leaving   atomic.Bool  // the client has asked to close the session
	draining  atomic.Bool  // no more requests are taken
	watched   atomic.Bool  // whether there ever was a watch
	counts    counts

	// The reader's own.
	in      []byte        // what was read; frames are used where they stand
	from    int           // where the next frame begins in it
	alone   call          // a request that is answered where it stands
	touched time.Duration // when the store was last told of a touch

	wake chan struct{} // to the writer: there is something to do
	room chan struct{} // to the reader: there may be room again

	mu    sync.Mutex // guards what follows; taken inside the store's apply loop
	calls []*call    // requests without an answer, in order
	reads int        // of those, how many will be answered from the tree
	held  int        // of those, how many are writes that wait for such reads before them
	out   []byte     // answers and events to be written
	spare []byte     // memory for the next out
	asked int        // bytes of the frames of calls
	// reserved is the room for large frames that this connection has: of those in calls, and of
	// one that is being read.
	reserved int64
	last     bool // nothing comes after out: the connection is closed when it is written
	writing  bool // somebody writes
}

func newConn(d *Door, nc net.Conn, ip string) *conn {
	c := &conn{door: d, nc: nc, ip: ip, wake: make(chan struct{}, 1), room: make(chan struct{}, 1), gone: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancelCause(d.ctx)
	c.auth.Store(&[]znode.Credential{{Scheme: "ip", ID: ip}})
	return c
}

// serve serves the connection until it ends.
func (c *conn) serve() {
	var writer sync.WaitGroup
	writer.Go(func() {
		err := c.write()
		if errors.Is(err, errLast) && c.draining.Load() {
			c.bye()
		}
		c.cut(err)
	})
	if err := c.read(); err != nil {
		c.cut(err)
	}
	<-c.ctx.Done() // after a last answer it is the writer who cuts
	writer.Wait()
	if cause := context.Cause(c.ctx); !errors.Is(cause, io.EOF) && !errors.Is(cause, ErrClosed) {
		c.door.log.Debug("connection ended", "remote", c.nc.RemoteAddr(), "session", lease.FormatID(c.session), "cause", cause)
	}
}

// cut ends the connection at once. It may be called inside the store's apply loop.
func (c *conn) cut(cause error) {
	c.cancel(cause)
	if tcp, ok := c.nc.(*net.TCPConn); ok && errors.Is(cause, errDeaf) {
		_ = tcp.SetLinger(0) // or the kernel would keep for minutes what the client does not read
	}
	_ = c.nc.Close()
}

// errLast ends the reading after a request that nothing may follow.
var errLast = errors.New("the connection ends with its last answer")

// read reads frames and hands them on until the connection ends. It returns nil where the writer
// is to end it.
func (c *conn) read() error {
	if err := c.nc.SetDeadline(time.Now().Add(c.door.cfg.ConnectTimeout)); err != nil {
		return err
	}
	if c.draining.Load() {
		return ErrClosed // the deadline of the drain may have been overwritten
	}
	first, err := c.peek(4)
	if err != nil {
		return err
	}
	if c.word(first) {
		return nil
	}
	frame, err := c.frame(idleBuffer)
	if err != nil {
		return err
	}
	if err := c.handshake(frame); err != nil {
		return err
	}
	if c.session == 0 {
		return nil // refused
	}
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		return err
	}
	for {
		if c.draining.Load() && !c.buffered() {
			c.end()
			return nil
		}
		frame, err := c.frame(c.door.cfg.MaxBuffer)
		if err != nil && c.draining.Load() {
			c.end()
			return nil
		}
		if err != nil {
			return err
		}
		c.counts.received.Add(1)
		c.door.counts.received.Add(1)
		c.hear()
		if err := c.handle(frame); err != nil {
			if errors.Is(err, errLast) {
				return nil
			}
			return err
		}
		if err := c.answered(); err != nil {
			return err
		}
		if err := c.awaitRoom(); err != nil {
			return err
		}
	}
}

// buffered reports whether the next frame is there, so that reading it does not block.
func (c *conn) buffered() bool {
	b := c.in[c.from:]
	return len(b) >= 4 && uint32(len(b)-4) >= binary.BigEndian.Uint32(b)
}

// The sizes of the buffer that a connection reads into: an idle one has little.
const (
	idleBuffer = 1 << 10
	keptBuffer = 64 << 10
)

// peek returns the next n bytes, without taking them.
func (c *conn) peek(n int) ([]byte, error) {
	if len(c.in)-c.from < n && c.from > 0 {
		c.in = c.in[:copy(c.in, c.in[c.from:])]
		c.from = 0
	}
	for len(c.in)-c.from < n {
		switch {
		case cap(c.in) == 0 || (len(c.in) == 0 && cap(c.in) > keptBuffer):
			c.in = make([]byte, 0, idleBuffer)
		case len(c.in) == cap(c.in): // by what has come, not by what was announced
			bigger := make([]byte, len(c.in), min(2*cap(c.in), max(n, keptBuffer)))
			copy(bigger, c.in)
			c.in = bigger
		}
		k, err := c.nc.Read(c.in[len(c.in):cap(c.in)])
		c.in = c.in[:len(c.in)+k]
		if err != nil && len(c.in)-c.from < n {
			return nil, err
		}
	}
	return c.in[c.from : c.from+n], nil
}

// frame takes the next frame, of at most limit bytes. It is valid until the next call.
func (c *conn) frame(limit int) ([]byte, error) {
	head, err := c.peek(4)
	if err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(head))
	if n < 0 || int(n) > limit {
		return nil, fmt.Errorf("a frame of %d bytes, of at most %d", n, limit)
	}
	if n > keptBuffer {
		return c.large(int(n))
	}
	b, err := c.peek(4 + int(n))
	if err != nil {
		return nil, err
	}
	c.from += len(b)
	return b[4:], nil
}

// largeFrames bounds what the frames of all connections together take that are larger than a
// buffer which a connection keeps: otherwise half a frame on each of thousands would fill the
// memory.
const largeFrames = 64 << 20

// large takes a large frame, once there is room for it; then it must come within the connect
// timeout, because others wait for the room.
func (c *conn) large(n int) ([]byte, error) {
	if err := c.door.large.Acquire(c.ctx, int64(n)); err != nil {
		return nil, context.Cause(c.ctx)
	}
	c.mu.Lock()
	c.reserved += int64(n)
	c.mu.Unlock()
	if err := c.nc.SetReadDeadline(time.Now().Add(c.door.cfg.ConnectTimeout)); err != nil {
		return nil, err
	}
	b, err := c.peek(4 + n)
	if err != nil {
		return nil, err
	}
	c.from += len(b)
	return b[4:], c.nc.SetReadDeadline(time.Time{})
}

// release gives back room for large frames. c.mu is held.
func (c *conn) release(n int64) {
	if n > 0 {
		c.reserved -= n
		c.door.large.Release(n)
	}
}

// The store is told of a touch no more often than this, or a tenth of the timeout; the writer's
// grace is longer.
const touchEvery = 500 * time.Millisecond

// hear notes a sign of life of the client, which touches its session. It is the reader's.
func (c *conn) hear() {
	now := clock.Boot()
	c.heard.Store(int64(now))
	stale := c.age(now) > c.timeout/4
	if stale || now-c.touched > min(c.timeout/10, touchEvery) {
		c.touched = now
		c.door.cfg.Store.Touch(c.session, stale)
	}
}

// age is how old the session's last confirmed touch is.
func (c *conn) age(now time.Duration) time.Duration {
	return now - time.Duration(c.confirmed.Load())
}

func (c *conn) confirm(sent time.Duration) {
	if time.Duration(c.confirmed.Load()) < sent {
		c.confirmed.Store(int64(sent))
		signal(c.wake)
	}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
