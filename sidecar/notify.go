package sidecar

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	pending   = 256 // events that a webhook, a file or a signal may be behind by
	unread    = 64  // events that a listener may be behind by, before it is cut
	firstWait = 200 * time.Millisecond
)

// A notifier passes events on to all who want them. Nobody can keep it waiting.
type notifier struct {
	cfg    Notify
	log    *slog.Logger
	client *http.Client
	signal func(syscall.Signal) error // to the application's process
	count  func(Event)

	ctx     context.Context // of posts; ends when there is no more time for them
	cancel  context.CancelFunc
	sinks   []chan Event
	dropped atomic.Int64
	wg      sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	max       int
	listeners map[chan Event]struct{}
}

func newNotifier(cfg Notify, max int, signal func(syscall.Signal) error, count func(Event), log *slog.Logger) (*notifier, error) {
	n := &notifier{cfg: cfg, log: log, signal: signal, count: count, client: plainClient(), max: max, listeners: map[chan Event]struct{}{}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if cfg.File != "" {
		// Appended to by each event; a reader may rotate it by renaming when the sidecar is stopped.
		f, err := os.OpenFile(cfg.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, fmt.Errorf("notify-file: %w", err)
		}
		n.sink(func(e Event) { n.write(f, e) }, func() { _ = f.Close() })
	}
	if cfg.Webhook != "" {
		n.sink(n.post, func() {})
	}
	if cfg.Signal != 0 {
		n.sink(n.alarm, func() {})
	}
	return n, nil
}

// sink starts the goroutine that passes events on by f.
func (n *notifier) sink(f func(Event), end func()) {
	c := make(chan Event, pending)
	n.sinks = append(n.sinks, c)
	n.wg.Go(func() {
		defer end()
		for e := range c {
			f(e)
		}
	})
}

// tell passes an event on. It does not block: a sink that is too far behind misses it, a listener
// is cut, so that it knows.
func (n *notifier) tell(e Event) {
	e.Time = time.Now().UTC()
	n.count(e)
	n.log.Info(e.Event, "kind", string(e.Kind), "name", e.Name, "token", e.Token, "why", e.Why)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	for _, c := range n.sinks {
		select {
		case c <- e:
		default:
			n.dropped.Add(1)
			n.log.Error("an event is not passed on: too many wait already", "event", e.Event, "name", e.Name)
		}
	}
	for c := range n.listeners {
		select {
		case c <- e:
		default:
			delete(n.listeners, c)
			close(c)
		}
	}
}

// listen returns a channel of events to come, closed when its reader is too slow or the sidecar
// ends; ok is false where there are too many. leave must be called.
func (n *notifier) listen() (c chan Event, leave func(), ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || len(n.listeners) >= n.max {
		return nil, nil, false
	}
	c = make(chan Event, unread)
	n.listeners[c] = struct{}{}
	return c, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if _, there := n.listeners[c]; there {
			delete(n.listeners, c)
			close(c)
		}
	}, true
}

// close ends all listeners, and waits until what was told is passed on, or given up when ctx ends.
func (n *notifier) close(ctx context.Context) {
	defer n.cancel()
	defer context.AfterFunc(ctx, n.cancel)()
	n.mu.Lock()
	n.closed = true
	for c := range n.listeners {
		delete(n.listeners, c)
		close(c)
	}
	for _, c := range n.sinks {
		close(c)
	}
	n.mu.Unlock()
	n.wg.Wait()
	n.client.CloseIdleConnections()
}

func (n *notifier) write(f *os.File, e Event) {
	if _, err := f.Write(append(e.json(), '\n')); err != nil {
		n.log.Error("an event could not be written", "file", n.cfg.File, "err", err)
	}
}

// post posts an event, several times if need be.
func (n *notifier) post(e Event) {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		err := post(n.ctx, n.client, n.cfg.Webhook, e, n.cfg.Timeout)
		if err == nil {
			return
		}
		n.log.Warn("the webhook did not take an event", "event", e.Event, "name", e.Name, "attempt", attempt, "err", err)
		if attempt >= n.cfg.Attempts || !pause(n.ctx, wait) {
			n.dropped.Add(1)
			return
		}
		wait *= 2
	}
}

// pause waits for d, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// post posts an event; anything but 2xx is an error.
func post(ctx context.Context, client *http.Client, url string, e Event, limit time.Duration) error {
	return ask2xx(ctx, client, http.MethodPost, url, e.json(), limit)
}

// ask2xx sends a request, with a body of JSON if it is not nil, and waits for the answer; anything but 2xx
// is an error.
func ask2xx(ctx context.Context, client *http.Client, method, url string, body []byte, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

func (n *notifier) alarm(e Event) {
	if !e.alarms() {
		return
	}
	if err := n.signal(n.cfg.Signal); err != nil {
		n.log.Warn("the application could not be signalled", "signal", n.cfg.Signal, "err", err)
	}
}

// dialLimit bounds the opening of a connection.
const dialLimit = 2 * time.Second

// plainClient is one without proxies, which speaks to this machine and to members only.
func plainClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: dialLimit}).DialContext, MaxIdleConns: 16, MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
