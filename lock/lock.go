// Package lock grants named, exclusive, fenced locks.
//
// A lock is a znode, and its contenders are the znode's children: ephemeral and sequential, with
// the names that Apache Curator's InterProcessMutex and go-zookeeper's Lock use. Whoever has
// the smallest number holds; everybody else waits for the one before to go.
//
// # Guarantees
//
// At most one session holds a name at any revision of the quorum's log. Each grant carries a
// [Token] greater than every earlier token of that name. Waiters are served in the order of
// their arrival in the log. A repeated request finds its own place in the queue.
//
// # What a lock is not
//
// A holder can pause past its TTL and wake after the lock has moved on. Side effects are
// exclusive only where the protected resource refuses tokens below the highest it has seen:
// that is what fences are for.
package lock

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The defaults of [Config].
const (
	DefaultMaxWaiters  = 10_000
	DefaultEventsKept  = 1 << 14
	DefaultSubscribers = 1000

	DefaultMaxLockDelay = time.Minute
	DefaultMaxEntries   = 256
	DefaultMaxNames     = 100
)

// A Config bounds what a Locker does. The zero Config has the defaults.
type Config struct {
	MaxWaiters  int // contenders of one lock
	EventsKept  int // events that a subscriber can resume after
	Subscribers int // at the same time

	MaxLockDelay time.Duration // that a request may ask for
	MaxEntries   int           // how often a reentrant hold can be taken
	MaxNames     int           // of one request for several locks
	MaxPermits   int           // of a semaphore, that one request may ask for

	Logger *slog.Logger

	Deadlocks      DeadlockMode  // of requests that say nothing; the zero mode is [DeadlockRefuse]
	DeadlockSearch int           // contenders that one search for a cycle looks at; beyond, nothing is claimed
	DeadlockReport time.Duration // a wait lasts so long before it is looked whether to report a cycle, or to refuse a wait for oneself
	PacesKept      int           // locks whose recent holds are remembered, for expected waits
}

// A Locker grants locks through one member. Its methods are safe for concurrent use.
type Locker struct {
	cfg      Config
	log      *slog.Logger
	sessions *lease.Sessions
	store    *store.Store
	Stats    Stats

	behind *store.Behind // those who leave queues behind a caller's back

	mu      sync.Mutex // guards what follows; taken inside the store's apply loop
	waiters map[string]*waiter
	held    map[string]int64             // when each holder's znode became first, in milliseconds
	names   *btree.Map[string, struct{}] // paths of znodes with contenders
	ends    endings
	permits permits
	events  eventLog

	followers []Follower

	footings footings
	outcry   outcry
	paces    paces
}

// New returns a Locker. Bind must be called on it before anything else, Close in the end.
func New(cfg Config) *Locker {
	if cfg.MaxWaiters == 0 {
		cfg.MaxWaiters = DefaultMaxWaiters
	}
	if cfg.EventsKept == 0 {
		cfg.EventsKept = DefaultEventsKept
	}
	if cfg.Subscribers == 0 {
		cfg.Subscribers = DefaultSubscribers
	}
	if cfg.MaxLockDelay == 0 {
		cfg.MaxLockDelay = DefaultMaxLockDelay
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = DefaultMaxEntries
	}
	if cfg.MaxNames == 0 {
		cfg.MaxNames = DefaultMaxNames
	}
	if cfg.MaxPermits == 0 {
		cfg.MaxPermits = DefaultMaxPermits
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.DeadlockSearch == 0 {
		cfg.DeadlockSearch = DefaultDeadlockSearch
	}
	if cfg.DeadlockReport == 0 {
		cfg.DeadlockReport = DefaultDeadlockReport
	}
	if cfg.PacesKept == 0 {
		cfg.PacesKept = DefaultPacesKept
	}
	l := &Locker{
		cfg: cfg, log: cfg.Logger, behind: store.NewBehind(),
		waiters: map[string]*waiter{}, held: map[string]int64{},
		names: btree.NewMap[string, struct{}](0), footings: footings{}, paces: newPaces(cfg.PacesKept),
	}
	l.permits.holds = map[permitKey]*permitState{}
	l.events.kept = cfg.EventsKept
	return l
}

// Bind says which sessions hold the locks and which store they live in: the one whose Observer
// calls l.Changed, l.Applied and l.Rebuilt.
func (l *Locker) Bind(sessions *lease.Sessions, st *store.Store) {
	l.sessions, l.store = sessions, st
}

// Finish waits until those have left their queues who are still leaving them, or ctx ends. Callers
// must have been told to stop before, and none may come any more.
func (l *Locker) Finish(ctx context.Context) { l.behind.Finish(ctx) }

// Close ends subscriptions and waits for those who are still leaving queues. Callers who wait
// for a lock must have been told to stop by their contexts before.
func (l *Locker) Close() {
	l.endSubscriptions()
	l.behind.Close()
}

// Path returns the znode of the lock called name. Its error is a [*lease.InputError].
func Path(name string) (string, error) {
	path := "/" + name
	var problem string
	switch {
	case name == "":
		problem = "is empty"
	case strings.HasPrefix(name, "/"):
		problem = "starts with a slash"
	case name == "zookeeper" || strings.HasPrefix(name, "zookeeper/"):
		problem = "lies under zookeeper/, which is reserved"
	case znode.ValidatePath(path) != nil:
		problem = fmt.Sprintf("%.100q is not a path: it has an empty part, \".\" or \"..\", a slash at its end, or a character that is not allowed", name)
	default:
		return path, nil
	}
	return "", &lease.InputError{Field: "name", Problem: problem, Fix: "use words separated by single slashes, such as orders/42"}
}

// codeError turns a refusal into the error that callers see.
func (l *Locker) codeError(code znode.Code, session lease.ID) error {
	switch code {
	case znode.ErrSessionExpired:
		return l.sessions.Lost(session)
	case znode.ErrNoChildrenForEphemerals, znode.ErrBadArguments:
		return &lease.InputError{Field: "name", Problem: "names a place that cannot be a lock: a part of it is an ephemeral znode or not a path", Fix: "choose another name"}
	}
	return code
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
