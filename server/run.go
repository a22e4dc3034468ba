package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockkeeper/lockkeeper/httpapi"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// closeTimeout bounds an ordered close: doors, then the store, then the quorum.
const closeTimeout = 20 * time.Second

// Addresses are where a running member listens, with the ports it really got. A door that is
// off has an empty address.
type Addresses struct {
	HTTP, ZooKeeper, Client, Peer string
}

// Run runs a member until ctx ends, then closes it in order and returns nil. It calls ready, if
// not nil, once the member has joined its quorum and every door is open; the REST door is open
// before, so that probes can tell what is missing. Any other return is an error that says what
// could not be started or what failed.
func Run(ctx context.Context, cfg Config, ready func(Addresses)) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	release, err := LockDataDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()

	reserved := reserveHeap()
	defer runtime.KeepAlive(reserved)
	m := &member{cfg: cfg, log: cfg.Logger}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.open(ctx); err != nil {
		return err
	}
	select {
	case <-m.quorum.Ready():
		if ready != nil {
			ready(m.addresses)
		}
	case err := <-m.failed:
		return err
	case <-m.quorum.Stopped():
		return fmt.Errorf("quorum: %w", m.quorum.Err())
	case <-ctx.Done():
		return nil
	}
	select {
	case err := <-m.failed:
		return err
	case <-m.quorum.Stopped():
		return fmt.Errorf("quorum: %w", m.quorum.Err())
	case <-ctx.Done():
		return nil
	}
}

// A member is the parts of a running member, in the order in which they are opened.
type member struct {
	cfg       Config
	log       *slog.Logger
	addresses Addresses

	link     store.Link
	sessions *lease.Sessions
	locks    *lock.Locker
	quorum   *quorum.Member
	store    *store.Store
	health   health
	api      *httpapi.API
	http     *httpapi.Server

	cancel context.CancelFunc // ends the goroutines
	wg     sync.WaitGroup     // counts them
	failed chan error         // what a door died of; one slot a door
}

// open opens everything; close undoes as much of it as was done.
func (m *member) open(ctx context.Context) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m.cancel, m.failed = cancel, make(chan error, 1)
	listener, err := m.listenHTTP()
	if err != nil {
		return err
	}
	if err := m.openCore(ctx); err != nil {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
		return err
	}
	m.wg.Go(func() { m.health.watch(running, m.store) })
	if listener == nil {
		return nil
	}
	m.http = httpapi.NewServer(m.api)
	m.wg.Go(func() {
		if err := m.http.Serve(listener); err != nil {
			m.failed <- fmt.Errorf("REST door: %w", err)
		}
	})
	return nil
}

// listenHTTP opens the REST door's listener first: a port in use is found before anything else
// is started.
func (m *member) listenHTTP() (net.Listener, error) {
	if m.cfg.HTTPListen == Off {
		return nil, nil
	}
	l, err := net.Listen("tcp", m.cfg.HTTPListen)
	if err != nil {
		return nil, fmt.Errorf("--http-listen: %w", err)
	}
	m.addresses.HTTP = l.Addr().String()
	return l, nil
}

func (m *member) openCore(ctx context.Context) (err error) {
	limits := &m.cfg.Limits
	m.sessions = lease.New(lease.Config{MinTTL: limits.MinTTL, MaxTTL: limits.MaxTTL, MaxSessions: limits.MaxSessions})
	m.locks = lock.New(lock.Config{MaxWaiters: limits.MaxWaiters, Subscribers: limits.MaxEventStreams, Logger: m.log})

	if m.quorum, err = quorum.Start(ctx, m.quorumConfig()); err != nil {
		return fmt.Errorf("quorum: %w", err)
	}
	m.addresses.Client, m.addresses.Peer = m.cfg.ClientListen, m.cfg.PeerListen
	m.store, err = store.New(ctx, store.Config{
		Quorum: m.quorum, Link: &m.link, Keeper: m.sessions.Deadlines,
		Observer: observers{m.sessions, m.locks}, Confirmed: m.sessions.Confirmed,
		Card: m.card(), Logger: m.log.With("component", "store"),
		MinFreeDisk: uint64(limits.MinFreeDisk), MaxDatabase: limits.MaxDatabaseBytes,
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	m.sessions.Bind(m.store)
	m.locks.Bind(m.sessions, m.store)

	metrics := prometheus.NewRegistry()
	m.store.Register(metrics)
	m.sessions.Register(metrics)
	m.locks.Register(metrics)
	m.api, err = httpapi.New(httpapi.Config{
		Sessions: m.sessions, Locks: m.locks, Subscribe: httpapi.Subscriber(m.locks.Subscribe),
		Health: m.healthNow, Status: m.status, Revision: m.store.Revision,
		Metrics: metrics, Logger: m.log.With("component", "http"), Limits: m.httpLimits(), Version: m.cfg.Version,
		Member: m.quorum.ID(), Cluster: m.clusterID, Endpoints: m.endpoints,
	})
	return err
}

// close closes what is open, doors first, the quorum last.
func (m *member) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	if m.http != nil {
		errs = append(errs, m.http.Close(ctx))
	}
	if m.cancel != nil {
		m.cancel()
	}
	m.wg.Wait()
	if m.locks != nil {
		m.locks.Close()
	}
	if m.store != nil {
		m.store.Close()
	}
	if m.quorum != nil {
		errs = append(errs, m.quorum.Close(ctx))
	}
	return errors.Join(errs...)
}

// observers hands what the store applies to those who look on.
type observers struct {
	sessions *lease.Sessions
	locks    *lock.Locker
}

// Changed is part of store.Observer.
func (o observers) Changed(t *znode.Tree, revision int64, c *znode.Change, e *znode.Effect) {
	o.sessions.Changed(c)
	o.locks.Changed(t, revision, c, e)
}

// Applied is part of store.Observer.
func (o observers) Applied(t *znode.Tree, revision int64) { o.locks.Applied(t, revision) }

// Rebuilt is part of store.Observer.
func (o observers) Rebuilt(t *znode.Tree, revision int64) { o.locks.Rebuilt(t, revision) }
