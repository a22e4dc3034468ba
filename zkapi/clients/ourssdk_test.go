//go:build linux

package clients

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// sdkDoor is ours by the SDK, which speaks the stream. Each step has a client of its own.
type sdkDoor struct {
	t       *testing.T // ends the clients
	cluster *clustertest.Cluster
}

func bySDK(t *testing.T, c *clustertest.Cluster) door { return &sdkDoor{t, c} }

func (d *sdkDoor) String() string { return "stream" }

func (d *sdkDoor) dial(ctx context.Context, opts ...sdk.Option) (*sdk.Client, error) {
	return d.dialBy(ctx, &wires{}, opts...)
}

// dialBy dials by connections that can be cut.
func (d *sdkDoor) dialBy(ctx context.Context, w *wires, opts ...sdk.Option) (*sdk.Client, error) {
	opts = append(opts, sdk.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: w.dial}}))
	c, err := sdk.Dial(ctx, d.cluster.Endpoints(), opts...)
	if err != nil {
		return nil, err
	}
	d.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := c.Close(ctx); err != nil && !w.isCut() {
			d.t.Error(err)
		}
	})
	return c, nil
}

// wires are the connections of a client. Once they are cut there are no more: to the members it is as if
// it had died.
type wires struct {
	mu    sync.Mutex
	conns []net.Conn
	over  bool
}

func (w *wires) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	w.conns = append(w.conns, c)
	return c, nil
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for _, c := range w.conns {
		_ = c.Close() // it may be closed
	}
}

func (w *wires) isCut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

func (d *sdkDoor) take(ctx context.Context, name string, a ask) (*held, error) {
	ttl := sdk.DefaultTTL
	if a.ttl != 0 {
		ttl = a.ttl
	}
	w := &wires{}
	c, err := d.dialBy(ctx, w, sdk.WithTTL(ttl))
	if err != nil {
		return nil, err
	}
	var opts []sdk.LockOption
	switch a.compat {
	case "all":
		opts = append(opts, sdk.WithCompatAll())
	case "latch":
		opts = append(opts, sdk.WithCompatLatch())
	}
	if a.owner != "" {
		opts = append(opts, sdk.WithLockOwner(a.owner))
	}
	if a.delay != 0 {
		opts = append(opts, sdk.WithLockDelay(a.delay))
	}
	if a.limit != 0 {
		opts = append(opts, sdk.WithPermits(a.limit))
	}
	h := &held{name: name, kill: w.cut}
	switch {
	case a.also != nil:
		var got *sdk.MultiHold
		m := c.MultiLock(a.names(name), opts...)
		if got, err = either(a.try, m.TryLock, m.Lock)(ctx); err == nil {
			h.token, h.release = int64(got.Token(name)), got.Unlock
		}
	case a.value != "":
		var got *sdk.Term
		e := c.Election(name, opts...)
		if got, err = either(a.try, e.TryCampaign, e.Campaign)(ctx, a.value); err == nil {
			h.token, h.release = int64(got.Token()), got.Resign
			h.handOver = func(ctx context.Context, candidate int64) error { return got.HandOver(ctx, sdk.Token(candidate)) }
		}
	default:
		var got *sdk.Hold
		m, s := c.RWMutex(name, opts...), c.Semaphore(name, opts...)
		switch {
		case a.permits != 0:
			got, err = either(a.try, s.TryAcquire, s.Acquire)(ctx, a.permits)
		case a.mode == "read":
			got, err = either(a.try, m.TryRLock, m.RLock)(ctx)
		case a.mode == "write":
			got, err = either(a.try, m.TryLock, m.Lock)(ctx)
			h.downgrade = func(ctx context.Context) error { return m.Downgrade(ctx, got) }
		default:
			plain := c.Mutex(name, opts...)
			got, err = either(a.try, plain.TryLock, plain.Lock)(ctx)
		}
		if err == nil {
			h.token, h.release = int64(got.Token()), got.Unlock
		}
	}
	if errors.Is(err, sdk.ErrHeld) || errors.Is(err, sdk.ErrNoPermits) {
		return nil, errTaken
	}
	return h, err
}

// either returns one of two, which are alike but for what they do where they would have to wait.
func either[F any](try bool, tries, waits F) F {
	if try {
		return tries
	}
	return waits
}

func (d *sdkDoor) force(ctx context.Context, name string) error {
	c, err := d.dial(ctx)
	if err != nil {
		return err
	}
	return c.ForceRelease(ctx, name, 0, "test")
}

func (d *sdkDoor) leader(ctx context.Context, name string) (string, error) {
	c, err := d.dial(ctx)
	if err != nil {
		return "", err
	}
	leader, err := c.Election(name).Leader(ctx)
	return leader.Value, err
}

func (d *sdkDoor) barrier(ctx context.Context, name string, f func(b *sdk.Barrier) error) error {
	c, err := d.dial(ctx)
	if err != nil {
		return err
	}
	return f(c.Barrier(name))
}

func (d *sdkDoor) closeBarrier(ctx context.Context, name string) error {
	return d.barrier(ctx, name, func(b *sdk.Barrier) error { return b.Set(ctx) })
}

func (d *sdkDoor) openBarrier(ctx context.Context, name string) error {
	return d.barrier(ctx, name, func(b *sdk.Barrier) error { return b.Remove(ctx) })
}

func (d *sdkDoor) waitBarrier(ctx context.Context, name string) error {
	return d.barrier(ctx, name, func(b *sdk.Barrier) error { return b.Wait(ctx) })
}

func (d *sdkDoor) enter(ctx context.Context, name string, count int) (func(context.Context) error, error) {
	c, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	b := c.DoubleBarrier(name, count)
	return b.Leave, b.Enter(ctx)
}

func (d *sdkDoor) put(ctx context.Context, path, data, lock string, token int64) error {
	c, err := d.dial(ctx)
	if err != nil {
		return err
	}
	var opts []sdk.WriteOption
	if lock != "" {
		opts = append(opts, sdk.IfToken(lock, sdk.Token(token)))
	}
	_, err = c.Data(path).Put(ctx, []byte(data), opts...)
	if errors.Is(err, sdk.ErrNotHolder) {
		return errNotHolder
	}
	return err
}
