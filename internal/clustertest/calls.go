//go:build linux

package clustertest

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// A Lease is a session, as answered.
type Lease struct {
	Session  string    `json:"session"`
	TTL      Duration  `json:"ttl"`
	Deadline time.Time `json:"deadline"` // by the member's clock
	Revision int64     `json:"revision"`

	Sent time.Time `json:"-"` // when the attempt that was answered was sent
}

// A Duration is written as text in JSON.
type Duration time.Duration

// UnmarshalText reads what [time.ParseDuration] reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// A Hold is a lock held, or a place in its queue, as answered.
type Hold struct {
	Name     string    `json:"name"`
	Session  string    `json:"session"`
	Token    int64     `json:"token"`
	State    string    `json:"state"`
	TTL      Duration  `json:"ttl"`
	Deadline time.Time `json:"deadline"`
	Position int       `json:"position"`
	Ticket   string    `json:"ticket"`
	Repeated bool      `json:"repeated"`
	Revision int64     `json:"revision"`

	Endpoint string    `json:"-"` // of the member that answered
	Sent     time.Time `json:"-"` // when the attempt that was answered was sent
}

// An Acquire asks for a lock. The zero Acquire tries, with a session of its own.
type Acquire struct {
	Session   string
	TTL       time.Duration // of a session of its own; 0: the default
	Wait      time.Duration
	RequestID string // empty: a fresh one
	Owner     string
	Reason    string
	Compat    string
	LockDelay time.Duration
}

// A Queue is a lock's holder and waiters.
type Queue struct {
	Name       string      `json:"name"`
	State      string      `json:"state"`
	Holder     *Contender  `json:"holder"`
	Waiters    []Contender `json:"waiters"`
	Contenders int         `json:"contenders"`
	Revision   int64       `json:"revision"`
}

// A Contender is one place in a queue.
type Contender struct {
	Token    int64  `json:"token"`
	Session  string `json:"session"`
	State    string `json:"state"`
	Position int    `json:"position"`
	Owner    string `json:"owner"`
	Door     string `json:"door"`
	Znode    string `json:"znode"`
}

// All returns the holder and the waiters, in their order.
func (q *Queue) All() []Contender {
	if q.Holder == nil {
		return q.Waiters
	}
	return append([]Contender{*q.Holder}, q.Waiters...)
}

// A Fence is a fence, as answered.
type Fence struct {
	Name     string `json:"name"`
	Highest  int64  `json:"highest"`
	Revision int64  `json:"revision"`
}

// Open opens a session.
func (c *Client) Open(ctx context.Context, ttl time.Duration) (Lease, error) {
	var l Lease
	a, err := c.do(ctx, call{method: http.MethodPost, path: "/v1/sessions", body: map[string]any{"ttl": ttl.String(), "request_id": RequestID()}}, &l)
	l.Sent = a.sent
	return l, err
}

// Touch keeps a session alive.
func (c *Client) Touch(ctx context.Context, session string) (Lease, error) {
	var l Lease
	a, err := c.do(ctx, call{method: http.MethodPost, path: "/v1/sessions/" + session + "/keepalive"}, &l)
	l.Sent = a.sent
	return l, err
}

// Session looks a session up, as fresh as can be.
func (c *Client) Session(ctx context.Context, session string) (Lease, error) {
	var l Lease
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/v1/sessions/" + session + "?consistency=linearizable"}, &l)
	return l, err
}

// CloseSession ends a session.
func (c *Client) CloseSession(ctx context.Context, session string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "/v1/sessions/" + session}, &struct{}{})
	return err
}

func (a *Acquire) body(wait bool) map[string]any {
	body := map[string]any{"request_id": a.RequestID}
	if a.RequestID == "" {
		body["request_id"] = RequestID()
	}
	if a.Session != "" {
		body["session"] = a.Session
	}
	if a.TTL != 0 {
		body["ttl"] = a.TTL.String()
	}
	if wait && a.Wait != 0 {
		body["wait"] = a.Wait.String()
	}
	if a.Owner != "" {
		body["owner"] = a.Owner
	}
	if a.Reason != "" {
		body["reason"] = a.Reason
	}
	if a.LockDelay != 0 {
		body["lock_delay"] = a.LockDelay.String()
	}
	if a.Compat != "" {
		body["compat"] = a.Compat
	}
	return body
}

// Acquire asks for a lock and waits for it as a says.
func (c *Client) Acquire(ctx context.Context, name string, a Acquire) (Hold, error) {
	return c.hold(ctx, call{method: http.MethodPost, path: lockPath("locks", name, "/acquire"), body: a.body(true), wait: a.Wait})
}

// Enqueue takes a place in a lock's queue and does not wait.
func (c *Client) Enqueue(ctx context.Context, name string, a Acquire) (Hold, error) {
	return c.hold(ctx, call{method: http.MethodPost, path: lockPath("locks", name, "/enqueue"), body: a.body(false)})
}

// KeepAlive keeps the session of a hold alive and tells how the hold stands.
func (c *Client) KeepAlive(ctx context.Context, name, session string) (Hold, error) {
	return c.hold(ctx, call{method: http.MethodPost, path: lockPath("locks", name, "/keepalive"), body: map[string]any{"session": session}})
}

// Release gives a lock, or a place in its queue, up.
func (c *Client) Release(ctx context.Context, name, session string, token int64) (Hold, error) {
	return c.hold(ctx, call{method: http.MethodPost, path: lockPath("locks", name, "/release"), body: map[string]any{"session": session, "token": token}})
}

func (c *Client) hold(ctx context.Context, k call) (Hold, error) {
	var h Hold
	a, err := c.do(ctx, k, &h)
	h.Endpoint, h.Sent = a.endpoint, a.sent
	return h, err
}

// Queue returns a lock's queue, as fresh as can be.
func (c *Client) Queue(ctx context.Context, name string) (Queue, error) {
	var q Queue
	_, err := c.do(ctx, call{method: http.MethodGet, path: lockPath("locks", name, "") + "?consistency=linearizable&limit=1000"}, &q)
	return q, err
}

// CheckFence passes a token through a fence.
func (c *Client) CheckFence(ctx context.Context, name string, token int64) (Fence, error) {
	var f Fence
	_, err := c.do(ctx, call{method: http.MethodPost, path: lockPath("fences", name, "/check"), body: map[string]any{"token": token}}, &f)
	return f, err
}

// Fence returns what a fence has seen, as fresh as can be.
func (c *Client) Fence(ctx context.Context, name string) (Fence, error) {
	var f Fence
	_, err := c.do(ctx, call{method: http.MethodGet, path: lockPath("fences", name, "") + "?consistency=linearizable"}, &f)
	return f, err
}

// Ready asks the client's first member whether it is ready, once.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Attempt)
	defer cancel()
	var r Readiness
	var err error
	if r.HTTP, err = ask(ctx, c.http, c.o.Endpoints[0]+"/readyz", &r); err != nil {
		return r, fmt.Errorf("ask %s: %w", c.o.Endpoints[0], err)
	}
	return r, nil
}

// Do sends any other request, with a body unless it is nil, and reads the answer's body into into.
// wait is how long the request asks to be held open.
func (c *Client) Do(ctx context.Context, method, path string, body map[string]any, wait time.Duration, into any) error {
	_, err := c.do(ctx, call{method: method, path: path, body: body, wait: wait}, into)
	return err
}
