// Package zkapi is the door for ZooKeeper's clients: it speaks their protocol, so that programs
// written for an Apache ZooKeeper 3.9 ensemble connect unchanged and share the tree, the sessions
// and the locks with every other door. It knows no recipe: these clients bring their own.
//
// # A connection
//
// Two goroutines serve a connection: one reads and starts requests, the other writes. Requests of
// a connection are answered in their order; replies and watch events leave in the order in which
// the store's log makes them. Nothing is written unless the session's last confirmed touch is
// younger than a third of its timeout, and after two thirds the connection is cut: a client that
// still hears us has a session that still lives.
package zkapi

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The defaults of [Config], which are ZooKeeper's where it has the setting.
const (
	DefaultTickTime       = 2 * time.Second
	DefaultMaxClientCnxns = 60
	DefaultMaxBuffer      = 1_048_575
	DefaultMaxUnsent      = 4 << 20
	DefaultMaxOutstanding = 1000
	DefaultConnectTimeout = 10 * time.Second
)

// A Config says what a Door serves. Store, Sessions and Member are needed; the rest has defaults.
type Config struct {
	Store    *store.Store
	Sessions *lease.Sessions
	Member   uint64       // this member, which sessions are attached to
	Logger   *slog.Logger // nil: silent

	TickTime          time.Duration // 0: DefaultTickTime
	MinSessionTimeout time.Duration // 0: two ticks
	MaxSessionTimeout time.Duration // 0: twenty ticks
	MaxClientCnxns    int           // connections of one address; 0: DefaultMaxClientCnxns; negative: any number
	MaxBuffer         int           // bytes of one request, jute.maxbuffer; 0: DefaultMaxBuffer
	MaxUnsent         int           // bytes that a client does not read, before it is cut; 0: DefaultMaxUnsent
	MaxOutstanding    int           // requests of one connection without an answer; 0: DefaultMaxOutstanding
	ConnectTimeout    time.Duration // a client may take to open a session; 0: DefaultConnectTimeout
	Words             []string      // four-letter words that are answered; nil: those of DefaultWords
	SuperDigest       string        // "super:" and a digest: who proves it passes every check; empty: nobody

	// What the four-letter words tell of the member.
	Version string
	DataDir string
	Listen  string        // the door's address
	Mode    func() string // leader, follower or standalone; nil: standalone
	Serving func() bool   // whether the quorum answers; nil: always
}

func (c *Config) fill() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.TickTime, DefaultTickTime)
	setDefault(&c.MinSessionTimeout, 2*c.TickTime)
	setDefault(&c.MaxSessionTimeout, 20*c.TickTime)
	setDefault(&c.MaxClientCnxns, DefaultMaxClientCnxns)
	setDefault(&c.MaxBuffer, DefaultMaxBuffer)
	setDefault(&c.MaxUnsent, DefaultMaxUnsent)
	setDefault(&c.MaxOutstanding, DefaultMaxOutstanding)
	setDefault(&c.ConnectTimeout, DefaultConnectTimeout)
	if c.Words == nil {
		c.Words = strings.Split(DefaultWords, ",")
	}
	if c.Serving == nil {
		c.Serving = func() bool { return true }
	}
	if c.Mode == nil {
		c.Mode = func() string { return "standalone" }
	}
}

func setDefault[T ~int | ~int64](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// ErrClosed is the cause of connections that end because the door closes.
var ErrClosed = errors.New("zookeeper door is closed")

// A Door serves ZooKeeper's clients at one member. It is safe for concurrent use.
type Door struct {
	cfg    Config
	log    *slog.Logger
	large  *semaphore.Weighted // room for large frames
	counts counts              // of all connections together
	zxid   atomic.Int64        // the highest that readers of this member's tree can have seen

	draining context.Context // done when Drain has been called
	drain    context.CancelFunc

	ctx    context.Context // done when Close has been called
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // counts connections and their syncs

	mu       sync.Mutex // guards what follows; taken inside the store's apply loop
	conns    map[*conn]struct{}
	sessions map[lease.ID]*conn // the connections that are past their handshake
	byIP     map[string]int
	applying int64    // the highest zxid of the batch at hand
	quotas   quotaLog // the apply loop's own
}

// New makes a Door, which follows the sessions from then on. The store's Observer must call its
// Changed, Applied and Rebuilt, and the store's Confirmed and Gap its Confirmed and Cut.
func New(cfg Config) *Door {
	cfg.fill()
	d := &Door{
		cfg: cfg, log: cfg.Logger,
		conns: map[*conn]struct{}{}, sessions: map[lease.ID]*conn{}, byIP: map[string]int{},
	}
	d.quotas = quotaLog{d.log, map[string]time.Time{}}
	d.counts.since = time.Now()
	d.large = semaphore.NewWeighted(largeFrames)
	d.ctx, d.cancel = context.WithCancelCause(context.Background())
	d.draining, d.drain = context.WithCancel(d.ctx)
	return d
}

// Bind says which store and sessions the door serves, where they were not there yet when it was
// made. It must be called before Serve.
func (d *Door) Bind(st *store.Store, sessions *lease.Sessions, member uint64) {
	d.cfg.Store, d.cfg.Sessions, d.cfg.Member = st, sessions, member
	st.View(func(t *znode.Tree, _ int64) { d.raise(t.Zxid()) })
	sessions.Follow(d)
}

// Drain takes no more connections and requests, and waits until those that were taken are answered and
// their connections closed, or ctx ends. Sessions go on: their clients go to other members. Requests
// that were sent but not taken are not done.
func (d *Door) Drain(ctx context.Context) {
	d.drain()
	d.mu.Lock()
	list := slices.Collect(maps.Keys(d.conns))
	d.mu.Unlock()
	for _, c := range list {
		c.drain()
	}
	for _, c := range list {
		select {
		case <-c.gone:
		case <-ctx.Done():
			return
		}
	}
}

// Close cuts all connections, and waits for everything of the door to end. Sessions go on.
func (d *Door) Close() {
	d.cancel(ErrClosed)
	d.Cut(ErrClosed)
	d.wg.Wait()
}

// Cut cuts all connections, because of cause. Their clients come back and set their watches again.
// It does not block, and may be called inside the store's apply loop.
func (d *Door) Cut(cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		c.cut(cause)
	}
}

// Len returns the number of connections.
func (d *Door) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.conns)
}

// Changed is part of the store's Observer.
func (d *Door) Changed(t *znode.Tree, c *znode.Change) {
	d.applying = max(d.applying, c.Zxid)
	if c.Kind == znode.Created || c.Kind == znode.DataSet {
		d.quotas.look(t, c.Path)
	}
}

// Applied is part of the store's Observer.
func (d *Door) Applied() { d.raise(d.applying) }

// Rebuilt is part of the store's Observer.
func (d *Door) Rebuilt(t *znode.Tree) { d.raise(t.Zxid()) }

func (d *Door) raise(zxid int64) {
	for {
		now := d.zxid.Load()
		if now >= zxid || d.zxid.CompareAndSwap(now, zxid) {
			return
		}
	}
}

// Confirmed takes the store's word that a session's touch is confirmed, which counts from sent.
func (d *Door) Confirmed(id znode.SessionID, sent time.Duration) {
	d.mu.Lock()
	c := d.sessions[id]
	d.mu.Unlock()
	if c != nil {
		c.confirm(sent)
	}
}

// errSessionEnded and errSessionMoved are causes of cut connections.
var (
	errSessionEnded = errors.New("session ended")
	errSessionMoved = errors.New("session was attached to another connection")
	errSilent       = errors.New("session unconfirmed for two thirds of its timeout")
)

// SessionEnded is part of [lease.Follower].
func (d *Door) SessionEnded(id lease.ID, _ lease.Cause) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.sessions[id]; c != nil && !c.leaving.Load() {
		c.cut(errSessionEnded)
	}
}

// SessionMoved is part of [lease.Follower].
func (d *Door) SessionMoved(id lease.ID, owner znode.Owner) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.sessions[id]; c != nil && c.owner != owner {
		c.cut(errSessionMoved)
	}
}

// sweepEvery is how often connections are looked through for sessions that nobody confirms.
const sweepEvery = 100 * time.Millisecond

// sweep cuts connections whose sessions' last confirmed touch is too old.
func (d *Door) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := clock.Boot()
		d.mu.Lock()
		for _, c := range d.sessions {
			if c.age(now) > 2*c.timeout/3 {
				c.cut(errSilent)
			}
		}
		d.mu.Unlock()
	}
}
