package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/httpapi"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/value"
	"github.com/lockkeeper/lockkeeper/zkapi"
	"github.com/lockkeeper/lockkeeper/znode"
)

// closeTimeout bounds the close of the quorum, when doors and store are closed.
const closeTimeout = 10 * time.Second

// Addresses are where a running member listens, with the ports it really got. A door that is
// off has an empty address.
type Addresses struct {
	HTTP, ZooKeeper, Client, Peer string
}

// Run runs a member until ctx ends, then lets its clients go, closes it in order and returns nil. It calls ready, if
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
		m.leave()
		return nil
	}
}

// A member is the parts of a running member, in the order in which they are opened.
type member struct {
	cfg       Config
	log       *slog.Logger
	addresses Addresses

	link      store.Link
	sessions  *lease.Sessions
	locks     *lock.Locker
	barriers  *barrier.Barriers
	values    *value.Values
	elections *election.Elections
	quorum    *quorum.Member
	store     *store.Store
	health    health
	api       *httpapi.API
	http      *httpapi.Server
	zk        *zkapi.Door // nil: off

	cancel context.CancelFunc // ends the goroutines
	wg     sync.WaitGroup     // counts them
	failed chan error         // what a door died of; one slot a door
}

// open opens everything; close undoes as much of it as was done.
func (m *member) open(ctx context.Context) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m.cancel, m.failed = cancel, make(chan error, 2)
	listener, err := m.listenHTTP()
	if err != nil {
		return err
	}
	zkListener, err := m.listenZooKeeper()
	if err != nil {
		return errors.Join(err, closeListener(listener))
	}
	if err := m.openCore(ctx); err != nil {
		return errors.Join(err, closeListener(listener), closeListener(zkListener))
	}
	m.wg.Go(func() { m.health.watch(running, m.store) })
	if zkListener != nil {
		m.wg.Go(func() {
			if err := m.zk.Serve(zkListener); err != nil {
				m.failed <- fmt.Errorf("ZooKeeper door: %w", err)
			}
		})
	}
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

// listenZooKeeper opens the ZooKeeper door's listener, and makes the door.
func (m *member) listenZooKeeper() (net.Listener, error) {
	if m.cfg.ZooKeeperListen == Off {
		return nil, nil
	}
	l, err := net.Listen("tcp", m.cfg.ZooKeeperListen)
	if err != nil {
		return nil, fmt.Errorf("--zookeeper-listen: %w", err)
	}
	m.addresses.ZooKeeper = l.Addr().String()
	cfg, err := m.zkConfig()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	m.zk = zkapi.New(cfg)
	return l, nil
}

// closeListener closes a listener that may not have been opened.
func closeListener(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

func (m *member) openCore(ctx context.Context) (err error) {
	limits := &m.cfg.Limits
	m.sessions = lease.New(lease.Config{MinTTL: limits.MinTTL, MaxTTL: limits.MaxTTL, MaxSessions: limits.MaxSessions})
	m.barriers = barrier.New(barrier.Config{MaxParticipants: limits.MaxParticipants})
	m.elections = election.New(election.Config{Observers: limits.MaxEventStreams, Logger: m.log})
	m.values = value.New(value.Config{MaxBytes: limits.MaxValueBytes})
	m.locks = lock.New(lock.Config{
		MaxWaiters: limits.MaxWaiters, MaxPermits: limits.MaxPermits, Subscribers: limits.MaxEventStreams, Logger: m.log,
		MaxLockDelay: limits.MaxLockDelay, MaxEntries: limits.MaxEntries, MaxNames: limits.MaxNames,
		Deadlocks: lock.DeadlockMode(m.cfg.Deadlocks), DeadlockSearch: limits.DeadlockSearch, DeadlockReport: limits.DeadlockReport,
	})

	if m.quorum, err = quorum.Start(ctx, m.quorumConfig()); err != nil {
		return fmt.Errorf("quorum: %w", err)
	}
	m.addresses.Client, m.addresses.Peer = m.cfg.ClientListen, m.cfg.PeerListen
	m.store, err = store.New(ctx, store.Config{
		Quorum: m.quorum, Link: &m.link, Keeper: m.sessions.Deadlines,
		Observer: observers{m.sessions, m.locks, m.barriers, m.elections, m.zk}, Confirmed: m.confirmed, Gap: m.gap,
		Card: m.card(), Logger: m.log.With("component", "store"),
		MinFreeDisk: uint64(limits.MinFreeDisk), MaxDatabase: limits.MaxDatabaseBytes,
		ContainerCheck: m.cfg.ZooKeeper.ContainerCheck, EnforceQuota: m.cfg.ZooKeeper.EnforceQuota,
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	m.sessions.Bind(m.store)
	m.locks.Bind(m.sessions, m.store)
	m.barriers.Bind(m.sessions, m.store)
	m.values.Bind(m.locks, m.store)
	m.elections.Bind(m.locks, m.sessions, m.store)
	if m.zk != nil {
		m.zk.Bind(m.store, m.sessions, m.quorum.ID())
	}

	metrics := prometheus.NewRegistry()
	m.store.Register(metrics)
	m.sessions.Register(metrics)
	m.locks.Register(metrics)
	m.api, err = httpapi.New(httpapi.Config{
		Sessions: m.sessions, Locks: m.locks, Barriers: m.barriers, Values: m.values, Elections: m.elections, Members: members{m}, Snapshot: m.writeSnapshot, Maintenance: maintenance{m}, Subscribe: httpapi.Subscriber(m.locks.Subscribe),
		Health: m.healthNow, Status: m.status, Revision: m.store.Revision,
		Metrics: metrics, Logger: m.log.With("component", "http"), Limits: m.httpLimits(), Version: m.cfg.Version,
		Member: m.quorum.ID(), Cluster: m.clusterID, Endpoints: m.endpoints, Commands: m.commands(),
	})
	return err
}

// close closes what is open, doors first, the quorum last.
func (m *member) close() error {
	errs := []error{m.closeDoors()}
	if m.cancel != nil {
		m.cancel()
	}
	m.wg.Wait()
	if m.elections != nil {
		m.elections.Close()
	}
	if m.locks != nil {
		m.locks.Close()
	}
	if m.barriers != nil {
		m.barriers.Close()
	}
	if m.store != nil {
		m.store.Close()
	}
	if m.quorum != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		errs = append(errs, m.quorum.Close(ctx))
	}
	return errors.Join(errs...)
}

// confirmed tells those who count by it that a touch is confirmed.
func (m *member) confirmed(id znode.SessionID, sent time.Duration) {
	m.sessions.Confirmed(id, sent)
	if m.zk != nil {
		m.zk.Confirmed(id, sent)
	}
}

// commands serves what ZooKeeper's AdminServer would; nil where its clients are not served.
func (m *member) commands() http.Handler {
	if m.zk == nil {
		return nil
	}
	return m.zk
}

// errGap is why connections are cut whose watches were lost with the old tree.
var errGap = errors.New("the tree was built anew after a gap in the log")

func (m *member) gap() {
	if m.zk != nil {
		m.zk.Cut(errGap)
	}
}

// observers hands what the store applies to those who look on.
type observers struct {
	sessions  *lease.Sessions
	locks     *lock.Locker
	barriers  *barrier.Barriers
	elections *election.Elections
	zk        *zkapi.Door // nil: off
}

// Changed is part of store.Observer.
func (o observers) Changed(t *znode.Tree, revision int64, c *znode.Change, e *znode.Effect) {
	o.sessions.Changed(c)
	o.locks.Changed(t, revision, c, e)
	o.barriers.Changed(t, revision, c, e)
	o.elections.Changed(t, revision, c, e)
	if o.zk != nil {
		o.zk.Changed(t, c)
	}
}

// Applied is part of store.Observer.
func (o observers) Applied(t *znode.Tree, revision int64) {
	o.locks.Applied(t, revision)
	o.elections.Applied(t, revision)
	if o.zk != nil {
		o.zk.Applied()
	}
}

// Rebuilt is part of store.Observer.
func (o observers) Rebuilt(t *znode.Tree, revision int64) {
	o.locks.Rebuilt(t, revision)
	o.barriers.Rebuilt(t, revision)
	o.elections.Rebuilt(t, revision)
	if o.zk != nil {
		o.zk.Rebuilt(t)
	}
}
