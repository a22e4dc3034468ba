package zktest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A Conn is a client's connection. It is for one goroutine.
type Conn struct {
	Session jute.ConnectResponse
	Events  []znode.Event // that came since the caller last emptied it
	Seen    int64         // the highest zxid of any answer

	nc  net.Conn
	in  *bufio.Reader
	xid int32
}

// ErrEnded says that the server has closed the connection.
var ErrEnded = errors.New("the server has closed the connection")

// Dial opens a session with a timeout, or renews the one that session says where it has an id.
// The connection must be closed.
func Dial(address string, timeout time.Duration, session jute.ConnectResponse, seen int64) (*Conn, error) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Conn{nc: nc, in: bufio.NewReader(nc), Seen: seen}
	hello := jute.ConnectRequest{
		Timeout: int32(timeout.Milliseconds()), LastZxidSeen: seen, SessionID: session.SessionID, Password: make([]byte, jute.PasswordLen), HasReadOnly: true,
	}
	copy(hello.Password, session.Password[:])
	_ = nc.SetDeadline(time.Now().Add(patience))
	frame, err := c.exchange(hello.Append(nil))
	if err == nil {
		err = c.Session.Decode(frame)
	}
	if err == nil && c.Session.SessionID == 0 {
		err = errors.New("the session is not to be had")
	}
	if err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	return c, nil
}

// Close closes the connection; the session stays.
func (c *Conn) Close() error { return c.nc.Close() }

func (c *Conn) exchange(b []byte) ([]byte, error) {
	if _, err := c.nc.Write(b); err != nil {
		return nil, err
	}
	return c.frame()
}

func (c *Conn) frame() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
			return nil, fmt.Errorf("no answer in time: %w", err)
		}
		return nil, ErrEnded
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(c.in, b)
	return b, err
}

// Ask sends a request and returns its answer; events that come before it are appended to Events.
// The error is ErrEnded where the server closes the connection instead.
func (c *Conn) Ask(q jute.Request) (jute.Reply, error) {
	if q.Xid == 0 {
		c.xid++
		q.Xid = c.xid
	}
	_ = c.nc.SetDeadline(time.Now().Add(patience))
	if _, err := c.nc.Write(q.Append(nil)); err != nil {
		return jute.Reply{}, ErrEnded
	}
	for {
		frame, err := c.frame()
		if err != nil {
			return jute.Reply{}, err
		}
		var r jute.Reply
		body, err := r.DecodeHeader(frame)
		if err == nil {
			err = r.DecodeBody(q.Op, body)
		}
		switch {
		case err != nil:
			return r, fmt.Errorf("answer to %v: %w: %x", q.Op, err, frame)
		case r.Xid == jute.XidEvent:
			c.Events = append(c.Events, znode.Event{Type: r.Event, Path: r.Path})
			continue
		case r.Xid != q.Xid:
			return r, fmt.Errorf("answer to %v: xid %d, want %d", q.Op, r.Xid, q.Xid)
		}
		c.Seen = max(c.Seen, r.Zxid)
		return r, nil
	}
}
