package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
)

// A zkConn is a session of ZooKeeper's protocol without the memory that a real client takes, so
// that one process can have very many.
type zkConn struct {
	conn net.Conn
	in   *bufio.Reader
	ping []byte
}

// zkFleet opens n sessions. Those that open at once are few enough for any server.
func zkFleet(ctx context.Context, address string, n int) (_ []*zkConn, err error) {
	const opening = 64
	list, errs := make([]*zkConn, n), make([]error, opening)
	var next atomic.Int64
	var wg sync.WaitGroup
	for k := range opening {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[k] == nil; i = int(next.Add(1)) - 1 {
				list[i], errs[k] = openZKConn(ctx, address)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		closeZKConns(list)
		return nil, err
	}
	return list, nil
}

func closeZKConns(list []*zkConn) {
	for _, c := range list {
		if c != nil {
			_ = c.conn.Close()
		}
	}
}

func openZKConn(ctx context.Context, address string) (*zkConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &zkConn{conn: conn, in: bufio.NewReaderSize(conn, 256)}
	c.ping = (&jute.Request{Xid: jute.XidPing, Operation: jute.Operation{Op: jute.OpPing}}).Append(nil)
	hello := jute.ConnectRequest{Timeout: int32(zkTimeout.Milliseconds()), HasReadOnly: true}
	_ = conn.SetDeadline(time.Now().Add(startTime))
	if _, err := conn.Write(hello.Append(nil)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	frame, err := c.frame()
	var answer jute.ConnectResponse
	if err == nil {
		err = answer.Decode(frame)
	}
	if err == nil && answer.SessionID == 0 {
		err = errors.New("no session")
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, conn.SetDeadline(time.Time{})
}

// frame reads the next frame.
func (c *zkConn) frame() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(c.in, b)
	return b, err
}

// ask sends a request and reads its answer.
func (c *zkConn) ask(q jute.Request) (r jute.Reply, err error) {
	if _, err := c.conn.Write(q.Append(nil)); err != nil {
		return r, err
	}
	frame, err := c.frame()
	if err != nil {
		return r, err
	}
	body, err := r.DecodeHeader(frame)
	if err != nil {
		return r, err
	}
	if r.Code != 0 {
		return r, fmt.Errorf("%v is answered with %v", q.Op, r.Code)
	}
	return r, r.DecodeBody(q.Op, body)
}
