// Package quorum runs one member of the replicated log: an embedded etcd behind a small API.
//
// # Guarantees
//
// A transaction is applied by all members or by none, in one order that revisions number. A
// watch sees every revision, whole and in order, or ends with [ErrGap]. The outcome of a
// transaction is a definite yes, a definite no, or [ErrUnknown]; it is never guessed.
//
// # What it is not
//
// A [Member] that believes to lead may have been deposed: only a guarded transaction or a
// read index followed by a look at the log tells. Reads are of what is applied here.
//
// It is the only package that imports etcd's server. The one type that is not its own in its
// API is *grpc.Server, in [Config].Register.
package quorum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"google.golang.org/grpc"
)

var (
	// ErrClosed is returned by calls on a member that is closing or closed.
	ErrClosed = errors.New("member closed")

	// ErrRemoved is what [Member.Err] wraps when the cluster has removed this member. Its
	// data directory is of no more use.
	ErrRemoved = errors.New("member removed from the cluster")

	// ErrStopped is what [Member.Err] wraps when etcd ended by itself for another reason.
	ErrStopped = errors.New("member stopped by itself")
)

// pause is how long background work waits before it tries again.
const pause = 200 * time.Millisecond

// A Member is one running member. Its methods are safe for concurrent use.
type Member struct {
	cfg    *resolved
	log    *slog.Logger
	etcd   *embed.Etcd
	server *etcdserver.EtcdServer
	fate   *fate
	ready  chan struct{}
	tidy   func() // after etcd is closed

	ctx    context.Context // the member's life: done when Close begins
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup // our goroutines
	uses   sync.WaitGroup // calls that etcd must not be closed under; see enter

	mu      sync.Mutex
	closing bool
	grpc    []*grpc.Server

	defrag sync.Mutex // held while the database is rewritten

	closeOnce sync.Once
	closeErr  error
}

// Start starts a member and returns as soon as it runs, which says nothing about a quorum: see
// [Member.Ready]. Joining a running cluster needs that cluster's quorum, though, and is tried
// until ctx ends. If ctx ends first, what was started is closed in the background. The member
// must be closed. One of InitialCluster that comes with an empty data directory when the cluster has
// long been founded joins it, if that has removed it; if not, the error is ErrForgotten.
func Start(ctx context.Context, cfg Config) (*Member, error) {
	r, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	r.Logger = r.Logger.With("member", r.Name)
	if r.InsecureClientListen && r.clientListen.Scheme != "https" && !isLoopback(r.clientListen.Hostname()) {
		r.Logger.Warn("client listener is open to whoever reaches it", "url", r.clientListen.String())
	}
	if r.InsecurePeerListen && r.peerListen.Scheme != "https" && !isLoopback(r.peerListen.Hostname()) {
		r.Logger.Warn("peer listener is open to whoever reaches it", "url", r.peerListen.String())
	}
	initial, state := r.initialCluster(), embed.ClusterStateFlagNew
	if len(r.InitialCluster) > 1 && !r.initialized() {
		if r.join, err = r.lookForCluster(ctx); err != nil {
			return nil, err
		}
	}
	if len(r.join) > 0 && !r.initialized() {
		if initial, err = r.askToJoin(ctx); err != nil {
			return nil, fmt.Errorf("join: %w", err)
		}
		state = embed.ClusterStateFlagExisting
	}

	m := &Member{cfg: r, log: r.Logger, fate: newFate(), ready: make(chan struct{})}
	m.ctx, m.cancel = context.WithCancelCause(context.Background())
	if err := m.boot(ctx, initial, state); err != nil {
		m.cancel(err)
		return nil, fmt.Errorf("start member %q: %w", r.Name, err)
	}
	m.tasks.Go(m.becomeReady)
	m.tasks.Go(m.watchEnd)
	m.tasks.Go(m.compactLoop)
	return m, nil
}

// boot starts etcd. A joining member may ask a peer for the list of members that has not heard
// of it yet, so then it tries again.
func (m *Member) boot(ctx context.Context, initial, state string) error {
	for {
		err := m.bootOnce(ctx, initial, state)
		if err == nil || state == embed.ClusterStateFlagNew || !strings.Contains(err.Error(), "error validating peerURLs") {
			return err
		}
		if !wait(ctx, pause) {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func (m *Member) bootOnce(ctx context.Context, initial, state string) error {
	socket, tidy, err := m.cfg.httpSocket()
	if err != nil {
		return err
	}
	conf := m.cfg.embedConfig(initial, state, socket, m.fate, m.register)
	type started struct {
		etcd *embed.Etcd
		err  error
	}
	result := make(chan started, 1)
	go func() { // etcd's start takes no context; outlived, it is closed below
		res := started{err: ErrStopped} // for a fatal log entry, which ends this goroutine
		defer func() { result <- res }()
		res.etcd, res.err = embed.StartEtcd(conf)
	}()
	select {
	case res := <-result:
		if res.err != nil {
			tidy()
			return errors.Join(res.err, m.fate.cause())
		}
		m.etcd, m.server, m.tidy = res.etcd, res.etcd.Server, tidy
		return nil
	case <-ctx.Done():
		go func() {
			if res := <-result; res.err == nil {
				res.etcd.Server.HardStop()
				res.etcd.Close()
			}
			tidy()
		}()
		return context.Cause(ctx)
	}
}

// register is called by etcd with the gRPC server of the client listener.
func (m *Member) register(s *grpc.Server) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.grpc = append(m.grpc, s)
	s.RegisterService(&joinDesc, (*joinServer)(m))
	if m.cfg.Register != nil {
		m.cfg.Register(s)
	}
	if m.closing {
		s.Stop()
	}
}

// ID is the member's number in the cluster, never 0.
func (m *Member) ID() uint64 { return uint64(m.server.MemberID()) }

// ClusterID is the cluster's number, the same at all members.
func (m *Member) ClusterID() uint64 { return uint64(m.server.Cluster().ID()) }

// Name is the member's own name.
func (m *Member) Name() string { return m.cfg.Name }
