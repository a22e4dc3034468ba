package sdk

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Client is one program's connection to the service: one stream to one member at a time, and the
// sessions that go on over all of them. Its methods are safe for concurrent use.
type Client struct {
	cfg       *config
	endpoints []string
	prefix    string // of request ids: nobody can guess it

	ctx    context.Context // of all goroutines; its cause says why it ended
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	wake   chan struct{} // tells the keeper to look again
	first  chan struct{} // closed at the first stream

	mu       sync.Mutex
	closed   bool
	link     *link // nil: there is none now
	lastID   uint64
	calls    map[uint64]*call // without an answer
	parked   []*call          // those of no session, until there is a stream
	delayed  []*call          // to be sent again later
	backlog  []*call          // until the stream takes more at once
	sessions map[uint64]*Session
	byID     map[SessionID]*Session // those that are open
	opens    uint64                 // sessions ever made
	own      *Session               // the default one; nil: not needed yet
	feeds    map[uint64]*feed       // by the request that each goes by
	failures map[string]error       // why each endpoint could not be reached last
}

// Dial connects to one of the endpoints, the URLs of members such as "http://127.0.0.1:7070"; a
// scheme may be left out. It tries them all until one answers or ctx ends: then the error is an
// [*UnreachableError]. The client goes on at another of them whenever its member fails. The caller
// must Close it.
func Dial(ctx context.Context, endpoints []string, opts ...Option) (*Client, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	urls, err := parseEndpoints(endpoints)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if cfg.dial == nil {
		cfg.dial = dialWebSocket(cfg.http)
	}
	running, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	c := &Client{
		cfg: cfg, endpoints: urls, prefix: rand.Text() + "-", ctx: running, cancel: cancel,
		wake: make(chan struct{}, 1), first: make(chan struct{}), calls: map[uint64]*call{},
		sessions: map[uint64]*Session{}, byID: map[SessionID]*Session{}, feeds: map[uint64]*feed{},
		failures: map[string]error{},
	}
	c.wg.Go(c.run)
	c.wg.Go(c.keep)
	select {
	case <-c.first:
		return c, nil
	case <-ctx.Done():
		err := c.unreachable(context.Cause(ctx))
		c.stop()
		return nil, fmt.Errorf("dial: %w", err)
	}
}

// parseEndpoints returns the URLs that endpoints stand for.
func parseEndpoints(endpoints []string) ([]string, error) {
	var urls []string
	for _, text := range endpoints {
		full := strings.TrimRight(strings.TrimSpace(text), "/")
		if !strings.Contains(full, "://") {
			full = "http://" + full
		}
		u, err := url.Parse(full)
		if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, &InputError{Field: "endpoint", Problem: fmt.Sprintf("%q is not the URL of a member", text), Fix: "write http://host:port"}
		}
		if !slices.Contains(urls, full) {
			urls = append(urls, full)
		}
	}
	if len(urls) == 0 {
		return nil, &InputError{Field: "endpoints", Problem: "names no member", Fix: "write at least one, such as http://127.0.0.1:7070"}
	}
	return urls, nil
}

// Mutex returns the lock of that name, to be held by the client's own session. It asks nobody.
func (c *Client) Mutex(name string, opts ...LockOption) *Mutex {
	return newMutex(c, nil, name, ofMutex, opts)
}

// Owner returns what others see as the owner of this client's locks.
func (c *Client) Owner() string { return c.cfg.owner }

// Endpoint returns the member that the client is connected to, empty where there is none now.
func (c *Client) Endpoint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return ""
	}
	return c.link.endpoint
}

// Close closes all sessions, which releases all that they hold, then the stream, and waits for the
// client's goroutines, checks of [WithProgress] and calls of [OnState] among them. Requests under
// way end with [ErrClosed]. If ctx ends before the service has answered, the error matches
// [ErrUncertain]: the sessions then end when their TTL is over. A second Close returns at once.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	open := c.openSessionsLocked()
	c.mu.Unlock()
	err := c.closeSessions(ctx, open)
	c.stop()
	if err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// stop ends what is left, and waits for it.
func (c *Client) stop() {
	c.mu.Lock()
	c.closed = true
	c.failAllLocked(ErrClosed)
	if c.link != nil {
		c.link.fail(ErrClosed)
	}
	c.mu.Unlock()
	c.cancel(ErrClosed)
	c.wg.Wait()
}

// An UnreachableError says why no member could be reached. It matches [ErrUnreachable], and what
// ended the attempt.
type UnreachableError struct {
	Endpoints []string
	Failures  map[string]error // by endpoint, the last; none where it has not failed yet
	Err       error            // why the attempt ended
}

func (e *UnreachableError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%v (%v)", ErrUnreachable, e.Err)
	for _, endpoint := range e.Endpoints {
		if why := e.Failures[endpoint]; why != nil {
			fmt.Fprintf(&text, "; %s: %v", endpoint, why)
		} else {
			fmt.Fprintf(&text, "; %s: no answer", endpoint)
		}
	}
	return text.String()
}

// Is reports whether target is [ErrUnreachable].
func (e *UnreachableError) Is(target error) bool { return target == ErrUnreachable }

// Unwrap returns Err.
func (e *UnreachableError) Unwrap() error { return e.Err }

func (c *Client) unreachable(why error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &UnreachableError{Endpoints: c.endpoints, Failures: map[string]error{}, Err: why}
	for k, v := range c.failures {
		e.Failures[k] = v
	}
	return e
}

// wallTime is a time of the client's clock by the wall clock of now; the zero time for 0.
func (c *Client) wallTime(at time.Duration) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Now().Add(at - c.cfg.clock())
}

// pause waits for d, and reports false when the client ended first.
func (c *Client) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}
