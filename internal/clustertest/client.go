//go:build linux

package clustertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A ClientOptions says what client to make. Endpoints is needed.
type ClientOptions struct {
	Endpoints []string      // in the order in which they are tried
	Dial      Dial          // nil: the machine's own network
	Attempt   time.Duration // one attempt may take, a wait it asks for aside; 0: 12s
	Once      bool          // answers are taken as they come: nothing is sent twice
}

// A Client talks REST to the members of a cluster as a good client does: on a broken connection,
// and on 503 and 429, it sends the same request again, with the same request id, to the next
// member. It records what it saw. Its methods block until there is another answer than these,
// or until ctx ends; they may be called concurrently.
type Client struct {
	o    ClientOptions
	http *http.Client

	mu      sync.Mutex
	current int // index of the endpoint that answered last
	seen    Seen
}

// Seen is what a client saw.
type Seen struct {
	Answers map[int]int   // how many, by status
	Broken  int           // attempts without an answer
	Refused int           // of them, those that nobody listened to
	Failed  []Failure     // the first answers of 5xx
	Longest time.Duration // the longest call, attempts and waits included; waits for locks aside
}

// A Failure is one answer of 5xx.
type Failure struct {
	Endpoint   string
	Request    string
	Status     int
	Code       string
	RetryAfter string
	Sent, Got  time.Time
}

// keptFailures bounds how many a client remembers.
const keptFailures = 1000

// again is how long a client waits before it sends a request again.
const again = 50 * time.Millisecond

// maxAnswer bounds what is read of one answer.
const maxAnswer = 16 << 20

// NewClient makes a client. Close frees its connections.
func NewClient(o ClientOptions) *Client {
	if o.Attempt == 0 {
		o.Attempt = 12 * time.Second
	}
	return &Client{
		o:    o,
		http: &http.Client{Transport: &http.Transport{DialContext: o.Dial, MaxIdleConnsPerHost: 64}},
		seen: Seen{Answers: map[int]int{}},
	}
}

// Client makes a client of the cluster's members.
func (c *Cluster) Client(o ClientOptions) *Client {
	if o.Endpoints == nil {
		o.Endpoints = c.Endpoints()
	}
	if o.Dial == nil {
		o.Dial = c.dial
	}
	return NewClient(o)
}

// Close closes the connections that rest. The client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Seen returns a copy of what the client saw so far.
func (c *Client) Seen() Seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.seen
	s.Answers = map[int]int{}
	for status, n := range c.seen.Answers {
		s.Answers[status] = n
	}
	s.Failed = append([]Failure(nil), c.seen.Failed...)
	return s
}

// A Problem is an answer that refuses.
type Problem struct {
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Cause    string `json:"cause"`
	Position int    `json:"position"`
	Highest  int64  `json:"highest"`
	Revision int64  `json:"revision"`

	Endpoint   string    `json:"-"`
	RetryAfter string    `json:"-"`
	Sent       time.Time `json:"-"`
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%s answers %d %s: %s", p.Endpoint, p.Status, p.Code, p.Detail)
}

// Code returns the code of the problem that err is, or "".
func Code(err error) string {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}

// RequestID returns an id that no other request has.
func RequestID() string { return rand.Text() }

// A call is one request with all its attempts.
type call struct {
	method, path string
	body         map[string]any
	wait         time.Duration // that the request asks for
}

// An answered is what a call came to.
type answered struct {
	endpoint  string
	sent, got time.Time // of the attempt that was answered
}

// do sends a call until it is answered.
func (c *Client) do(ctx context.Context, k call, into any) (answered, error) {
	var body []byte
	if k.body != nil {
		var err error
		if body, err = json.Marshal(k.body); err != nil {
			return answered{}, err
		}
	}
	start := time.Now()
	for {
		c.mu.Lock()
		turn := c.current
		c.mu.Unlock()
		endpoint := c.o.Endpoints[turn]
		a, err := c.try(ctx, endpoint, &k, body, into)
		p, refused := errors.AsType[*Problem](err)
		later := refused && (p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests)
		if err == nil || refused && !later || c.o.Once {
			c.took(time.Since(start) - k.wait)
			return a, err
		}
		if ctx.Err() != nil {
			return a, errors.Join(ctx.Err(), err)
		}
		c.mu.Lock()
		if c.current == turn { // else somebody has moved on already
			c.current = (turn + 1) % len(c.o.Endpoints)
		}
		c.mu.Unlock()
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}

func (c *Client) took(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.Longest = max(c.seen.Longest, d)
}

// try sends a call once.
func (c *Client) try(ctx context.Context, endpoint string, k *call, body []byte, into any) (a answered, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Attempt+k.wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, k.method, endpoint+k.path, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	a.endpoint, a.sent = endpoint, time.Now()
	resp, err := c.http.Do(req)
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		resp.Body.Close()
	}
	a.got = time.Now()
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen.Broken++
		if errors.Is(err, syscall.ECONNREFUSED) {
			c.seen.Refused++
		}
		return a, err
	}
	if resp.StatusCode/100 == 2 {
		c.note(k, resp, a, nil)
		return a, json.Unmarshal(text, into)
	}
	p := &Problem{Status: resp.StatusCode, Endpoint: endpoint, Sent: a.sent, RetryAfter: resp.Header.Get("Retry-After")}
	if err := json.Unmarshal(text, p); err != nil {
		p.Detail = string(text)
	}
	c.note(k, resp, a, p)
	return a, p
}

func (c *Client) note(k *call, resp *http.Response, a answered, p *Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.Answers[resp.StatusCode]++
	if resp.StatusCode >= 500 && len(c.seen.Failed) < keptFailures {
		c.seen.Failed = append(c.seen.Failed, Failure{
			Endpoint: a.endpoint, Request: k.method + " " + k.path, Status: p.Status, Code: p.Code,
			RetryAfter: p.RetryAfter, Sent: a.sent, Got: a.got,
		})
	}
}

// lockPath returns the route of a lock or a fence, or of what is done to it.
func lockPath(kind, name, action string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/v1/" + kind + "/" + strings.Join(parts, "/") + action
}
