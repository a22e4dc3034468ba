package httpapi

import (
	"io"
	"net"
	"time"
)

// maxRefusals is how many refused connections are told why at once; others are just closed.
const maxRefusals = 64

// refusalTime is how long a refused client has to take its answer.
const refusalTime = 500 * time.Millisecond

// refusal is what a connection above the limit gets, without a look at its request. net/http
// is too slow for it: it would wait for the header.
const refusal = "HTTP/1.1 503 Service Unavailable\r\n" +
	"Content-Type: application/problem+json\r\n" +
	"Connection: close\r\n" +
	"Retry-After: 1\r\n" +
	"\r\n" +
	`{"type":"urn:lockkeeper:problem:too_many_connections","title":"Too many connections are open","status":503,"code":"too_many_connections","detail":"too many connections are open at this member"}`

// A boundedListener accepts at once and refuses what is too much, so that nobody waits unseen
// in the kernel's queue behind connections that stay.
type boundedListener struct {
	net.Listener
	server *Server
}

// Accept returns the next connection within the limit.
func (l *boundedListener) Accept() (net.Conn, error) {
	s := l.server
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if s.open.Add(1) <= int64(s.api.limits.MaxConns) {
			return conn, nil
		}
		s.open.Add(-1)
		s.refuse(conn)
	}
}

// refuse turns conn away. It never blocks.
func (s *Server) refuse(conn net.Conn) {
	s.api.meters.refused.Inc()
	select {
	case s.turns <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	s.conns.Go(func() {
		defer func() { <-s.turns }()
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(refusalTime))
		if _, err := io.WriteString(conn, refusal); err != nil {
			return
		}
		// Closing while the request stands unread would make the kernel send a reset, which
		// overtakes the answer.
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
			_, _ = io.CopyN(io.Discard, conn, maxHeaderBytes)
		}
	})
}
