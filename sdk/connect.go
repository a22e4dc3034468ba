package sdk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

const (
	dialTimeout = 3 * time.Second        // one attempt at one endpoint, its HELLO included
	hedge       = 250 * time.Millisecond // after which the next endpoint is tried as well
	maxBatch    = 16 << 20               // bytes of one message from a member
)

// Why a stream is given up, besides what the network says.
var (
	errGoing  = errors.New("the member is about to stop")
	errSilent = errors.New("the member has not answered in time")
	// errTooLate keeps a stream from touching what counts as lost here.
	errTooLate = errors.New("a session's time was over before the member renewed it")
)

// run keeps the client connected until it ends.
func (c *Client) run() {
	at := rand.IntN(len(c.endpoints))
	for {
		l, i := c.connect(at)
		if l == nil {
			return
		}
		c.cfg.log.Info("connected", "endpoint", l.endpoint)
		c.up(l)
		c.serve(l)
		c.down(l)
		if c.ctx.Err() != nil {
			return
		}
		if errors.Is(l.err, errGoing) {
			c.cfg.log.Info("the member is about to stop; going on at another one", "endpoint", l.endpoint)
		} else {
			c.cfg.log.Warn("the stream is broken; going on at another member", "endpoint", l.endpoint, "err", l.err)
		}
		at = i + 1
	}
}

// serve reads the link until it breaks, and waits for its goroutines.
func (c *Client) serve(l *link) {
	writing := make(chan struct{})
	go func() { // waited for below
		defer close(writing)
		c.write(l)
	}()
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		c.read(l)
	}()
	select {
	case <-l.broken:
	case <-c.ctx.Done():
		l.fail(context.Cause(c.ctx))
	}
	_ = l.transport.Close() // it is broken: whatever this says is no news
	<-writing
	<-reading
}

// connect returns a stream to one of the endpoints, the one at first, and which it is. It returns
// nil when the client has ended.
func (c *Client) connect(at int) (*link, int) {
	pause := c.cfg.redialMin
	for {
		if l, i := c.round(at); l != nil {
			return l, i
		}
		if !c.pause(pause/2 + rand.N(pause/2+1)) {
			return nil, 0
		}
		pause = min(2*pause, c.cfg.redialMax)
	}
}

// A dialed is what came of an attempt.
type dialed struct {
	link     *link
	endpoint int
	err      error
}

// round tries every endpoint once. The next one is tried when one has failed, or has not answered
// within a moment; the first to answer is taken.
func (c *Client) round(at int) (*link, int) {
	ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
	defer cancel()
	n := len(c.endpoints)
	results := make(chan dialed, n)
	started, ended := 0, 0
	next := func() {
		i := (at + started) % n
		started++
		go func() { // its result is waited for below
			l, err := c.dial(ctx, c.endpoints[i])
			results <- dialed{l, i, err}
		}()
	}
	next()
	tick := time.NewTicker(hedge)
	defer tick.Stop()
	var won *dialed
	for ended < started {
		select {
		case r := <-results:
			ended++
			switch {
			case r.err != nil && won == nil:
				c.failed(r.endpoint, r.err)
				if started < n && ctx.Err() == nil {
					next()
				}
			case r.err == nil && won == nil:
				won = &r
				cancel() // the others are not needed
			case r.err == nil:
				_ = r.link.transport.Close()
			}
		case <-tick.C:
			if won == nil && started < n && ctx.Err() == nil {
				next()
			}
		}
	}
	if won == nil {
		return nil, 0
	}
	return won.link, won.endpoint
}

func (c *Client) failed(endpoint int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures[c.endpoints[endpoint]] = err
	c.cfg.log.Debug("a member cannot be reached", "endpoint", c.endpoints[endpoint], "err", err)
}

// helloID is the id of every stream's first request; calls have others.
const helloID = 1<<64 - 1

// dial opens a stream to an endpoint.
func (c *Client) dial(ctx context.Context, endpoint string) (*link, error) {
	t, err := c.cfg.dial(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	// A read does not end with ctx, a closed transport does.
	stop := context.AfterFunc(ctx, func() { _ = t.Close() })
	t.Limit(maxBatch)
	hello, err := greet(t)
	if !stop() {
		return nil, errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		_ = t.Close()
		return nil, err
	}
	return newLink(t, endpoint, hello), nil
}

// greet says HELLO and returns the answer.
func greet(t transport) (*wire.Frame, error) {
	f := &wire.Frame{Kind: wire.Hello, ID: helloID, Client: clientName()}
	if err := t.Write(wire.AppendFrame(nil, f)); err != nil {
		return nil, err
	}
	for {
		batch, err := t.Read()
		if err != nil {
			return nil, err
		}
		d := wire.NewDecoder(batch)
		for d.Next(f) == nil {
			switch {
			case f.Kind == wire.Going:
				return nil, errGoing
			case f.ID == helloID && f.Kind == wire.OK:
				return f, nil
			case f.ID == helloID && f.Kind == wire.Error:
				return nil, fmt.Errorf("the member refused the stream: %w", errorOf(f))
			}
		}
	}
}

// clientName says which client this is, for people.
func clientName() string {
	const name = "lockkeeper-go"
	if info, ok := debug.ReadBuildInfo(); ok {
		const module = "github.com/lockkeeper/lockkeeper"
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && m.Version != "" {
				return name + "/" + m.Version
			}
		}
	}
	return name
}
