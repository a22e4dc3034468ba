package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A caller is one HTTP client with one connection, one lock and one session. It is for one
// goroutine.
type caller struct {
	client    *http.Client
	transport *http.Transport
	base      string
	acquire   string // URLs
	release   string
	body      []byte
	reader    bytes.Reader // of body, again and again
	answer    []byte
	sent      int // requests about the lock
}

func newCaller(address, lock, session string) *caller {
	t := &http.Transport{MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, DisableCompression: true}
	base := "http://" + address
	return &caller{
		client: &http.Client{Transport: t}, transport: t, base: base,
		acquire: base + "/v1/locks/" + lock + "/acquire",
		release: base + "/v1/locks/" + lock + "/release",
		body:    []byte(`{"session":"` + session + `"}`),
	}
}

func (c *caller) close() { c.transport.CloseIdleConnections() }

// step sends the next request: acquires and releases take turns.
func (c *caller) step(ctx context.Context) error {
	c.sent++
	if c.sent%2 == 1 {
		return c.send(ctx, c.acquire, c.body)
	}
	return c.send(ctx, c.release, c.body)
}

// send sends a request and reads its whole answer, which must be a 200.
func (c *caller) send(ctx context.Context, url string, body []byte) error {
	c.reader.Reset(body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, &c.reader)
	if err != nil {
		return err
	}
	r.Header["Content-Type"] = jsonType
	resp, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b := bytes.NewBuffer(c.answer[:0])
	if _, err := io.Copy(b, resp.Body); err != nil {
		return err
	}
	c.answer = b.Bytes()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", strings.TrimPrefix(url, c.base), resp.Status, c.answer)
	}
	return nil
}

var jsonType = []string{"application/json"}

// post sends a request whose answer is JSON.
func (c *caller) post(ctx context.Context, path string, body []byte, answer any) error {
	if err := c.send(ctx, c.base+path, body); err != nil {
		return err
	}
	return json.Unmarshal(c.answer, answer)
}
