// Package election chooses one leader among those who campaign for a name.
//
// A term is a lock with a value: candidates stand in the lock's queue, and the first one leads. So
// whatever package lock promises of a hold holds of a term: at most one session leads a name at any
// revision of the quorum's log, each term has a token greater than every earlier one of that name,
// a term ends with its session, and candidates lead in the order of their coming.
//
// Besides, a leader can say something to everybody by its value ([Elections.Proclaim]), and give
// its term to a candidate of its choice without a moment in which nobody leads
// ([Elections.HandOver]). A candidate of higher priority than the leader's gets no term by that: the
// leader is asked to hand over, and does so or does not.
//
// # What an observer knows
//
// An [Observer] tells who leads, that nobody does, or that it does not know. It knows while the
// member has shown within [Config.StaleAfter] that its tree had everything that was committed when
// it asked; otherwise, when in doubt, it does not. What it tells may be over by the time that it is
// read: only a token that the protected resource checks tells an old leader from the new one.
package election

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The defaults of [Config].
const (
	DefaultStaleAfter = 3 * time.Second
	DefaultCheckEvery = time.Second
	DefaultObservers  = 1000
)

// MaxPriority is the highest priority of a candidate. The lowest is 0, which is the default and
// that of every foreign candidate.
const MaxPriority = 1_000_000

// ErrNoCandidate is returned for a hand-over to somebody who does not wait for that name.
var ErrNoCandidate = errors.New("no such candidate waits")

// A Config bounds what Elections do. The zero Config has the defaults.
type Config struct {
	StaleAfter time.Duration // without a proof that this member is current for so long, observers know nothing
	CheckEvery time.Duration // between two such proofs, while somebody observes
	Observers  int           // at the same time
	Logger     *slog.Logger
}

// Elections serve elections through one member. Its methods are safe for concurrent use.
type Elections struct {
	cfg      Config
	log      *slog.Logger
	locks    *lock.Locker
	sessions *lease.Sessions
	store    *store.Store

	ctx    context.Context // done when Close has been called
	cancel context.CancelFunc
	wg     sync.WaitGroup // counts the one who proves that the member is current

	mu        sync.Mutex // guards what follows; taken inside the store's apply loop
	races     map[string]*race
	dirty     map[string]struct{} // names whose queue the revision at hand has changed
	watched   map[string]*watched
	observers int
	proof     proof
	followers []Follower
}

// New returns Elections. Bind must be called on them before anything else, Close in the end.
func New(cfg Config) *Elections {
	if cfg.StaleAfter == 0 {
		cfg.StaleAfter = DefaultStaleAfter
	}
	if cfg.CheckEvery == 0 {
		cfg.CheckEvery = DefaultCheckEvery
	}
	if cfg.Observers == 0 {
		cfg.Observers = DefaultObservers
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Elections{
		cfg: cfg, log: cfg.Logger,
		races: map[string]*race{}, dirty: map[string]struct{}{}, watched: map[string]*watched{},
		proof: proof{changed: make(chan struct{})},
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Bind says by which locks candidates queue, which sessions they have, and which store all live
// in: the one whose Observer calls e.Changed, e.Applied and e.Rebuilt.
func (e *Elections) Bind(locks *lock.Locker, sessions *lease.Sessions, st *store.Store) {
	e.locks, e.sessions, e.store = locks, sessions, st
}

// Close ends observations, and waits for what works for them.
func (e *Elections) Close() {
	e.mu.Lock() // whoever begins to observe has begun, or sees that it is over
	e.cancel()
	e.mu.Unlock()
	e.wg.Wait()
}

// path returns the znode of the election called name.
func path(name string) (string, error) { return lock.Path(name) }

// at returns the contender with a token in the queue at dir; with token 0, the first one that owner
// has, who may be anybody where owner is 0.
func at(t *znode.Tree, dir string, owner lease.ID, token lock.Token) (*znode.Node, bool) {
	d, ok := t.Get(dir)
	if !ok {
		return nil, false
	}
	for name := range d.Contenders() {
		c, ok := d.Child(name)
		if ok && (token == 0 || c.Czxid() == int64(token)) && (owner == 0 || c.Owner() == owner) {
			return c, true
		}
	}
	return nil, false
}
