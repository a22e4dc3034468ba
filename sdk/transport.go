package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A transport carries batches, each one message.
type transport interface {
	// Read returns the next batch, which is the caller's until the next Read.
	Read() ([]byte, error)
	// Write sends a batch, and does not keep it.
	Write(batch []byte) error
	// Limit says how large a batch may be that is read, in bytes.
	Limit(bytes int64)
	// Close breaks the connection off: Read and Write return. It does not wait for the other
	// side. It may be called by any goroutine, and again.
	Close() error
}

// A dialer connects to a member. The attempt ends with ctx, the transport does not.
type dialer func(ctx context.Context, endpoint string) (transport, error)

// dialWebSocket returns the dialer of real members.
func dialWebSocket(client *http.Client) dialer {
	if client == nil {
		client = &http.Client{Transport: &http.Transport{
			DialContext:         (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			MaxIdleConns:        1,
		}}
	}
	return func(ctx context.Context, endpoint string) (transport, error) {
		conn, response, err := websocket.Dial(ctx, endpoint+wire.Path, &websocket.DialOptions{
			HTTPClient: client, Subprotocols: []string{wire.Subprotocol}, CompressionMode: websocket.CompressionDisabled,
		})
		switch {
		case err != nil && response != nil:
			return nil, fmt.Errorf("the member answered %s: %w", response.Status, err)
		case err != nil:
			return nil, err
		case conn.Subprotocol() != wire.Subprotocol:
			return nil, errors.Join(fmt.Errorf("%w: it does not speak %s", ErrUnsupported, wire.Subprotocol), conn.CloseNow())
		}
		return &socket{conn: conn}, nil
	}
}

// A socket is a transport over a WebSocket.
type socket struct {
	conn *websocket.Conn
	read []byte // the last message
}

// keptBuffer bounds the buffer that is kept for the next message.
const keptBuffer = 1 << 20

// Read is part of transport.
func (s *socket) Read() ([]byte, error) {
	kind, r, err := s.conn.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	if kind != websocket.MessageBinary {
		return nil, errors.New("the member sent text")
	}
	if cap(s.read) > keptBuffer {
		s.read = nil
	}
	s.read = s.read[:0]
	for {
		if len(s.read) == cap(s.read) {
			s.read = append(s.read, 0)[:len(s.read)]
		}
		n, err := r.Read(s.read[len(s.read):cap(s.read)])
		s.read = s.read[:len(s.read)+n]
		if errors.Is(err, io.EOF) {
			return s.read, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Write is part of transport.
func (s *socket) Write(batch []byte) error {
	return s.conn.Write(context.Background(), websocket.MessageBinary, batch)
}

// Limit is part of transport.
func (s *socket) Limit(bytes int64) { s.conn.SetReadLimit(bytes) }

// Close is part of transport.
func (s *socket) Close() error { return s.conn.CloseNow() }
