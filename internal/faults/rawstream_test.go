//go:build linux

package faults

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A rawStream is a stream by hand: it sends whatever bytes it is told to.
type rawStream struct {
	conn net.Conn
	in   *bufio.Reader
}

// The kinds of a WebSocket's frames, and the bit of a message's last one.
const (
	socketText   = 0x1
	socketBinary = 0x2
	socketLast   = 0x80
)

// rawStreamTo connects to a member and makes a WebSocket of the connection. It must be closed.
func rawStreamTo(ctx context.Context, m *clustertest.Member) (*rawStream, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.HTTP)
	if err != nil {
		return nil, err
	}
	s := &rawStream{conn: conn, in: bufio.NewReader(conn)}
	_ = conn.SetDeadline(time.Now().Add(clustertest.Patience))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", wire.Path, wire.Subprotocol)
	if err == nil {
		var response *http.Response
		if response, err = http.ReadResponse(s.in, nil); err == nil && response.StatusCode != http.StatusSwitchingProtocols {
			err = fmt.Errorf("the stream is answered with %s", response.Status)
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// greetedStream is a stream whose HELLO, and an OPEN of a session with this TTL, have been
// answered; it returns the session.
func greetedStream(ctx context.Context, m *clustertest.Member, ttl time.Duration) (s *rawStream, session uint64, err error) {
	if s, err = rawStreamTo(ctx, m); err != nil {
		return nil, 0, err
	}
	if err = s.send(batch(wire.Frame{Kind: wire.Hello, ID: 1}, wire.Frame{Kind: wire.Open, ID: 2, TTLMS: ttl.Milliseconds()})); err == nil {
		err = s.receive(func(f *wire.Frame) bool {
			session = f.Session
			return f.ID == 2
		})
	}
	if err == nil && session == 0 {
		err = errors.New("no session was opened")
	}
	if err != nil {
		s.conn.Close()
		return nil, 0, err
	}
	return s, session, nil
}

// batch encodes frames as one message.
func batch(frames ...wire.Frame) (b []byte) {
	for i := range frames {
		b = wire.AppendFrame(b, &frames[i])
	}
	return b
}

// socketFrame returns the beginning of a WebSocket's frame: of a kind, of so many bytes, masked by
// zeros, which leave the bytes as they are.
func socketFrame(kind byte, bytes int) []byte {
	const masked, long = 0x80, 127
	b := binary.BigEndian.AppendUint64([]byte{kind, masked | long}, uint64(bytes))
	return append(b, 0, 0, 0, 0)
}

// message returns a whole message.
func message(kind byte, payload []byte) []byte {
	return append(socketFrame(socketLast|kind, len(payload)), payload...)
}

// send sends a batch.
func (s *rawStream) send(batch []byte) error {
	_, err := s.conn.Write(message(socketBinary, batch))
	return err
}

// receive passes what the member sends to take until that reports true.
func (s *rawStream) receive(take func(*wire.Frame) bool) error {
	var f wire.Frame
	for {
		payload, err := s.read()
		if err != nil {
			return err
		}
		d := wire.NewDecoder(payload)
		for {
			err := d.Next(&f)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if take(&f) {
				return nil
			}
		}
	}
}

// read returns the next message, of one frame as the member sends them.
func (s *rawStream) read() ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return nil, err
	}
	size := uint64(head[1])
	var more int
	switch size {
	case 126:
		more = 2
	case 127:
		more = 8
	}
	if more > 0 {
		var length [8]byte
		if _, err := io.ReadFull(s.in, length[8-more:]); err != nil {
			return nil, err
		}
		size = binary.BigEndian.Uint64(length[:])
	}
	payload := make([]byte, min(size, 1<<24))
	if _, err := io.ReadFull(s.in, payload); err != nil {
		return nil, err
	}
	if head[0] != socketLast|socketBinary {
		return nil, fmt.Errorf("the member sends a frame that begins with %#x: %q", head[0], payload)
	}
	return payload, nil
}

// closed waits until the member has closed the connection.
func (s *rawStream) closed() error {
	_ = s.conn.SetReadDeadline(time.Now().Add(clustertest.Patience))
	_, err := io.Copy(io.Discard, s.in)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fmt.Errorf("the member keeps a stream for more than %v that it should have ended", clustertest.Patience)
	}
	return nil // by a reset or not
}

// waitEmpty waits until nobody holds a lock or waits for it.
func waitEmpty(t *testing.T, c *clustertest.Cluster, name string) {
	t.Helper()
	reader := c.Client(clustertest.ClientOptions{})
	defer reader.Close()
	clustertest.Eventually(t, clustertest.Patience, name+" is free", func() bool {
		q, err := reader.Queue(t.Context(), name)
		return err == nil && q.Contenders == 0
	})
}
