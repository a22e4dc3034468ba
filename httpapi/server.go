package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxHeaderBytes bounds a request's header: a name with every byte percent-encoded, and room.
const maxHeaderBytes = 16 << 10

// A Server serves an [API] on listeners: it owns the connections, their number and their
// deadlines. Its methods are safe for concurrent use.
type Server struct {
	api  *API
	http *http.Server

	mu      sync.Mutex
	closed  bool
	listen  []net.Listener // given to Serve
	serving sync.WaitGroup // counts calls of Serve, which alone start what conns counts

	open  atomic.Int64   // connections
	conns sync.WaitGroup // counts the goroutines of connections, those of refusals included
	fresh sync.Map       // connections, from which nothing has come
	turns chan struct{}  // held by a refusal that says why
}

// NewServer makes a Server of a. It starts nothing.
func NewServer(a *API) *Server {
	l := &a.limits
	s := &Server{api: a, turns: make(chan struct{}, maxRefusals)}
	s.http = &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: l.HeaderTimeout,
		ReadTimeout:       l.ReadTimeout,
		// Counted from a request's header, so that whatever a bounded request does before, its
		// answer has at least its own time to leave. Waits and streams set their deadlines anew.
		WriteTimeout:   l.ReadTimeout + l.RequestTimeout + l.WriteTimeout,
		IdleTimeout:    l.IdleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ConnState:      s.connState,
		ErrorLog:       slog.NewLogLogger(a.log.Handler(), slog.LevelDebug), // broken clients, all of it
	}
	return s
}

// connState follows connections from birth, within Serve, to the end of their goroutine.
func (s *Server) connState(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
		s.fresh.Store(conn, nil)
	case http.StateActive:
		s.fresh.Delete(conn)
	case http.StateClosed, http.StateHijacked:
		s.fresh.Delete(conn)
		s.open.Add(-1)
		s.conns.Done()
	}
}

// Serve answers on l until Close, then returns nil; any other error is l's. It closes l. It
// may be called for several listeners at once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.serving.Add(1)
	s.listen = append(s.listen, l)
	s.mu.Unlock()
	defer s.serving.Done()
	err := s.http.Serve(&boundedListener{Listener: l, server: s})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// farewell is for how long a connection that rests is left open when the listeners are closed: a
// request that is on its way is answered, and then the connection ends.
const farewell = 200 * time.Millisecond

// Close stops listening, refuses new waits and streams, ends those that there are, and lets the
// requests in flight finish. Where ctx ends first it cuts their connections, which ends their
// contexts. It returns when no request is worked on any more; its error is then ctx's.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	listen := s.listen
	s.mu.Unlock()
	s.api.Leave()
	var errs []error
	for _, l := range listen {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.api.end()
	s.api.door.Shut() // its clients go elsewhere while the others finish
	s.sayFarewell(ctx)
	if err := s.http.Shutdown(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
		errs = append(errs, err, s.http.Close())
	}
	errs = append(errs, s.api.door.Close(ctx)) // streams have taken their connections from s.http
	s.serving.Wait()
	s.conns.Wait()
	return errors.Join(errs...)
}

// sayFarewell waits for a moment until the connections have ended with their next answer, and closes
// those from which nothing has come: [http.Server.Shutdown] would wait for a request for seconds.
func (s *Server) sayFarewell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	tick := time.NewTicker(farewell / 40)
	defer tick.Stop()
	for s.open.Load() > 0 && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	s.fresh.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close()
		return true
	})
}
