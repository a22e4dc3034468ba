package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// Addresses are where a running sidecar listens, with the ports it really got; empty where a door
// is closed.
type Addresses struct{ Listen, StatusListen string }

// A sidecar is one that runs.
type sidecar struct {
	cfg      Config
	log      *slog.Logger
	presence *presence
	notify   *notifier
	claims   []*claim
	meters   *meters
	registry *prometheus.Registry
	http     *http.Client // to members
	hooks    *http.Client
	requests chan struct{} // one slot a request at work

	client  atomic.Pointer[sdk.Client] // nil until a member has answered
	dialled chan struct{}              // closed then

	mu       sync.Mutex
	life     *life         // nil: the application is not there
	changed  chan struct{} // closed when life is another
	stopping atomic.Bool
}

// Run runs a sidecar until ctx ends; then it lets go in order, and returns nil. It calls ready, if
// not nil, once the doors are open, which does not wait for a member. The error says what is wrong
// with the configuration, an [*InputError], or which door could not be opened or has failed.
func Run(ctx context.Context, cfg Config, ready func(Addresses)) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	s := &sidecar{
		cfg: cfg, log: cfg.logger(), presence: newPresence(cfg.App), http: plainClient(), hooks: plainClient(),
		requests: make(chan struct{}, cfg.Limits.MaxRequests), dialled: make(chan struct{}), changed: make(chan struct{}),
	}
	s.meters = newMeters(s)
	var err error
	if s.notify, err = newNotifier(cfg.Notify, cfg.Limits.MaxListeners, s.presence.signal, s.count, s.log); err != nil {
		return err
	}
	for _, c := range cfg.Claims {
		s.claims = append(s.claims, &claim{Claim: c, of: s})
	}
	return s.run(ctx, ready)
}

func (s *sidecar) run(ctx context.Context, ready func(Addresses)) (err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { s.stopping.Store(true) })()
	doors, at, err := s.openDoors(running, fail)
	if err != nil {
		s.notify.close(ctx)
		return err
	}
	if ready != nil {
		ready(at)
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.presence.watch(running) })
	wg.Go(func() { s.dial(running) })
	s.lives(ctx) // until it is to stop; then everything is released

	closing, done := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Limits.Stop)
	defer done()
	cancel()
	wg.Wait()
	if c := s.client.Load(); c != nil {
		_ = c.Close(closing) // its sessions are closed already
	}
	s.notify.close(closing)
	for _, d := range doors {
		err = errors.Join(err, d.close(closing))
	}
	s.http.CloseIdleConnections()
	s.hooks.CloseIdleConnections()
	if cause := context.Cause(ctx); errors.Is(cause, errDoor) {
		err = errors.Join(cause, err)
	}
	return err
}

// dial connects to a member, and tries until one answers or ctx ends.
func (s *sidecar) dial(ctx context.Context) {
	options := []sdk.Option{sdk.WithTTL(s.cfg.TTL), sdk.WithLogger(s.log), sdk.WithLabels(s.cfg.Labels)}
	if s.cfg.Owner != "" {
		options = append(options, sdk.WithOwner(s.cfg.Owner))
	}
	slow := time.AfterFunc(s.cfg.Limits.Start, func() {
		s.log.Warn("no member answers yet", "endpoints", strings.Join(s.cfg.Endpoints, ","))
	})
	defer slow.Stop()
	c, err := sdk.Dial(ctx, s.cfg.Endpoints, options...)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("the members cannot be dialled", "err", err)
		}
		return
	}
	s.client.Store(c)
	close(s.dialled)
}

// clientFor returns the client, and waits for a member to answer until ctx ends.
func (s *sidecar) clientFor(ctx context.Context) (*sdk.Client, error) {
	select {
	case <-s.dialled:
		return s.client.Load(), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// setLife makes l the one that requests belong to; nil: there is none.
func (s *sidecar) setLife(l *life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = l
	close(s.changed)
	s.changed = make(chan struct{})
}

// lifeFor returns the application's life, for whose wg the caller must call Done. It waits a while
// for an application that is just starting; nil: it is not there.
func (s *sidecar) lifeFor(ctx context.Context) *life {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Limits.Start)
	defer cancel()
	for {
		s.mu.Lock()
		l, changed := s.life, s.changed
		if l != nil {
			l.wg.Add(1)
		}
		s.mu.Unlock()
		switch {
		case l != nil:
			return l
		case s.cfg.App.Watch == WatchConnection:
			return nil // waiting would not help: it says by itself that it is there
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// currentLife returns the application's life; nil: it is not there.
func (s *sidecar) currentLife() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life
}

// errDoor is matched by what a door died of.
var errDoor = errors.New("a door has failed")

// A door is a listener that is served.
type door struct {
	server *http.Server
	wg     sync.WaitGroup
}

// count counts an event.
func (s *sidecar) count(e Event) { s.meters.events.WithLabelValues(e.Event, string(e.Kind)).Inc() }

// openDoors opens the doors, whose requests end with ctx; fail is told when one fails later.
func (s *sidecar) openDoors(ctx context.Context, fail context.CancelCauseFunc) (doors []*door, at Addresses, err error) {
	defer func() {
		if err != nil {
			for _, d := range doors {
				_ = d.server.Close()
				d.wg.Wait()
			}
		}
	}()
	if s.cfg.Listen != Off {
		l, socket, err := s.listen()
		if err != nil {
			return doors, at, fmt.Errorf("listen: %w", err)
		}
		at.Listen = l.Addr().String()
		if socket != "" {
			at.Listen = unixPrefix + socket
		}
		doors = append(doors, s.serve(ctx, l, s.application(), fail))
	}
	if s.cfg.StatusListen != Off {
		l, err := net.Listen("tcp", s.cfg.StatusListen)
		if err != nil {
			return doors, at, fmt.Errorf("status-listen: %w", err)
		}
		at.StatusListen = l.Addr().String()
		doors = append(doors, s.serve(ctx, l, s.probes(), fail))
	}
	return doors, at, nil
}

// listen opens the application's door.
func (s *sidecar) listen() (l net.Listener, socket string, err error) {
	socket, unix := strings.CutPrefix(s.cfg.Listen, unixPrefix)
	if !unix {
		l, err = net.Listen("tcp", s.cfg.Listen)
		return l, "", err
	}
	// A socket that a killed sidecar has left: nobody answers there.
	if conn, err := net.DialTimeout("unix", socket, time.Second); err == nil {
		_ = conn.Close()
		return nil, "", fmt.Errorf("%s: another process listens there", socket)
	}
	if info, err := os.Lstat(socket); err == nil && info.Mode()&os.ModeSocket != 0 {
		_ = os.Remove(socket)
	}
	if l, err = net.Listen("unix", socket); err != nil {
		return nil, "", err
	}
	if err := os.Chmod(socket, s.cfg.SocketMode); err != nil {
		return nil, "", errors.Join(err, l.Close())
	}
	return l, socket, nil
}

func (s *sidecar) serve(ctx context.Context, l net.Listener, h http.Handler, fail context.CancelCauseFunc) *door {
	d := &door{server: &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}}
	l = netutil.LimitListener(l, s.cfg.Limits.MaxConns)
	d.wg.Go(func() {
		if err := d.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Errorf("%w: %w", errDoor, err))
		}
	})
	return d
}

// close closes a door when its requests are answered, or ctx ends.
func (d *door) close(ctx context.Context) error {
	err := d.server.Shutdown(ctx)
	if err != nil {
		err = d.server.Close()
	}
	d.wg.Wait()
	return err
}
