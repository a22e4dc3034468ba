//go:build linux

package clustertest

import (
	"context"
	"sync"
	"time"
)

// A Session is a session that a goroutine keeps alive, as the program of a careful user would.
// It knows until when it may believe that it lives: its TTL, less 1 ‰ for clocks that drift,
// counted from the sending of the last request that was answered. Its methods are safe for
// concurrent use.
type Session struct {
	ID  string
	TTL time.Duration

	client *Client
	cancel context.CancelFunc
	wg     sync.WaitGroup // counts keep

	mu    sync.Mutex
	until time.Time
	err   error // why it is lost
}

// Live opens a session through c and keeps it alive, three times a TTL, until Close or until
// ctx ends.
func Live(ctx context.Context, c *Client, ttl time.Duration) (*Session, error) {
	l, err := c.Open(ctx, ttl)
	if err != nil {
		return nil, err
	}
	return Adopt(ctx, c, l.Session, time.Duration(l.TTL), l.Sent), nil
}

// Adopt keeps a session alive that is open already and was last heard of at sent, as Live does.
func Adopt(ctx context.Context, c *Client, id string, ttl time.Duration, sent time.Time) *Session {
	s := &Session{ID: id, TTL: ttl, client: c}
	s.answered(sent)
	ctx, s.cancel = context.WithCancel(ctx)
	s.wg.Go(func() { s.keep(ctx) })
	return s
}

func (s *Session) keep(ctx context.Context) {
	tick := time.NewTicker(s.TTL / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		l, err := s.client.Touch(ctx, s.ID)
		if err == nil {
			s.answered(l.Sent)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
		return
	}
}

func (s *Session) answered(sent time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until := sent.Add(s.TTL - s.TTL/1000); until.After(s.until) {
		s.until = until
	}
}

// Until returns when the session's own client must stop to believe in it.
func (s *Session) Until() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until
}

// Lost returns what the service said when it refused to keep the session alive; nil while it
// has not.
func (s *Session) Lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Silence stops keeping the session alive, without a word to the service, and waits for the
// goroutine to end.
func (s *Session) Silence() {
	s.cancel()
	s.wg.Wait()
}

// Close stops keeping the session alive, and ends it. A session that is over is no error.
func (s *Session) Close(ctx context.Context) error {
	s.Silence()
	err := s.client.CloseSession(ctx, s.ID)
	if Code(err) == "session_lost" {
		return nil
	}
	return err
}
