package lock

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
)

// A Token is a fencing token: the czxid of the contender's znode. It grows with every grant of
// a name, for ever, and stays below 2^53.
type Token int64

// A State says how a contender stands to its lock.
type State string

// The states that the service tells.
const (
	Held     State = "held"
	Waiting  State = "waiting"
	Released State = "released"
	// Resting is what is left of a hold whose session has expired, while its lock-delay lasts:
	// nobody holds, and everybody waits.
	Resting State = "resting"
)

// A Read says how fresh a read must be.
type Read = store.Read

// A Contender is one place in a lock's queue, held or waiting, from whichever door.
type Contender struct {
	Token    Token
	Session  lease.ID
	State    State
	Position int // 0 holds; n waits behind n others
	Owner    string
	Reason   string
	Metadata map[string]string
	Door     string    // "rest", "stream", "zookeeper", or "" where a foreign client left no word
	Enqueued time.Time // by the writer's clock
	Since    time.Time // when it became the holder; zero while waiting
	Znode    string    // its path
	Permits  int       // of a semaphore; 0: of a lock
	Mode     Mode

	RestsUntil time.Time // of Resting: when the lock passes on, by the writer's clock

	ExpectedWait time.Duration // what the lock's recent holds let it expect; 0: not known, or it holds
	Value        string        // of an election's candidate; of a foreign client, all that its znode says
	Priority     int64         // of an election's candidate
}

// A Hold is a contender's state as answered to its own client.
type Hold struct {
	Name string
	Contender
	Ticket   string        // names the contender in Await and Leave
	TTL      time.Duration // of its session
	Deadline time.Time     // the session cannot end before this, by this member's clock; zero where not asked for
	OneShot  bool          // the session was made for this hold
	Count    int           // how often a reentrant one was taken and not released; else 1
	Revision int64
	Repeated bool // the request had been done before; this is what it got
}

// A Compat says which of ZooKeeper's clients stay away from a lock while it is held. Whatever it
// is, the lock itself waits for the contenders of all of them.
type Compat string

// The values of a Compat.
const (
	// CompatCurator, the default, is for Curator and go-zookeeper, and for kazoo with
	// extra_lock_patterns=["-lock-"].
	CompatCurator Compat = ""
	// CompatAll is for kazoo as it is, too. The lock then has a second znode.
	CompatAll Compat = "all"
	// CompatLatch is for Curator's LeaderLatch, in place of the others: only of a Candidacy.
	CompatLatch Compat = "latch"
)

// A Request asks for a lock.
type Request struct {
	Name       string            // a znode path without its leading slash
	Session    lease.ID          // 0: open a one-shot session for this hold
	Generation int64             // of the attachment it came over; 0: not checked
	TTL        time.Duration     // of the one-shot session; see [lease.Options]
	Labels     map[string]string // of the one-shot session
	Owner      string            // for people: who
	Reason     string            // for people: why
	Metadata   map[string]string
	RequestID  string // makes the request repeatable; empty: a fresh one
	Door       string
	Compat     Compat
	Mode       Mode

	// Reentrant says that the session and Owner may have the lock already: then the request adds to
	// a count, and as many releases are needed. It is for a Session only. Whoever shares a session
	// among threads must give each an Owner of its own.
	Reentrant bool

	// LockDelay, if not 0, is how long the lock rests after this hold if it ends because its
	// session has expired: whoever held may still be at work. It has no effect on any other end. At
	// most [Config.MaxLockDelay].
	LockDelay time.Duration
	Deadlock  DeadlockMode // what becomes of the request if its wait would close a cycle; never DeadlockOff
	Candidacy *Candidacy   // of an election's candidate; nil: of a lock's contender

	// OwnTouches says that the client keeps the session alive by touches of its own and counts
	// from them: the hold has no Deadline, and its answer waits for no touch. For a Session only.
	OwnTouches bool

	// Begins, if not nil, is called once if Acquire has to wait, when the wait begins, with the
	// ticket of the place in the queue. It must not block.
	Begins func(ticket string)
}

// A Release names the hold, or the place in the queue, to give up.
type Release struct {
	Name       string
	Session    lease.ID // 0 only with Force
	Generation int64
	Token      Token  // 0: the session's hold of the name, its oldest contender
	RequestID  string // of the acquire; an alternative to Token
	Force      bool   // take the lock from whoever holds it
	Reason     string // of a forced release, told to the holder
}

// A Done says what a release came to.
type Done struct {
	Name     string
	Token    Token // 0 where nothing was held and nothing is remembered
	Count    int   // how often it must be released still: above 0 only for a reentrant hold
	Revision int64
	Repeated bool // it had been released before
}

// A Queue is a lock's holder and waiters, in order.
type Queue struct {
	Name       string
	Contenders []Contender // [0] holds, if any
	Total      int         // contenders in all; Contenders may be cut
	Revision   int64
}

// A Page is a part of the list of locks, in the order of their names.
type Page struct {
	Locks    []Queue // with their holder only; Total counts the queue
	Next     string  // pass as after for the next page; empty at the end
	Revision int64
}

// A Fence is a named register that only moves up.
type Fence struct {
	Name     string
	Token    Token // the highest seen; 0: never checked
	Revision int64
}

// The sentinels of this package. Each is matched by the error type beside it.
var (
	// ErrHeld is returned when a try or a wait ended without the lock. See [HeldError].
	ErrHeld = errors.New("lock is held")
	// ErrNotHeld is returned for a release or keepalive of what the session does not hold.
	ErrNotHeld = errors.New("lock is not held by this session")
	// ErrHoldLost is returned for a hold that was taken away. See [HoldLostError].
	ErrHoldLost = errors.New("hold lost")
	// ErrStaleToken is returned when a fence has seen a higher token. See [StaleTokenError].
	ErrStaleToken = errors.New("stale token")
	// ErrNoTicket is returned for a ticket whose place in the queue is gone.
	ErrNoTicket = errors.New("no such ticket")
	// ErrTooManyEntries is returned when a reentrant hold has been taken too often.
	ErrTooManyEntries = errors.New("reentrant hold taken too often")
	// ErrTooManyWaiters is returned when a lock's queue is full.
	ErrTooManyWaiters = errors.New("too many waiters")
	// ErrEventsGone is returned when events to resume after are no longer remembered.
	ErrEventsGone = errors.New("events no longer remembered")
)

// A HeldError says who holds a lock. It matches [ErrHeld].
type HeldError struct {
	Name     string
	Holder   Contender // zero Token where the holder left meanwhile
	Position int       // how many stood ahead
	Revision int64

	ExpectedWait time.Duration // what the lock's recent holds would let one expect behind them; 0: not known
}

func (e *HeldError) Error() string {
	who := e.Holder.Owner
	if who == "" {
		who = "session " + lease.FormatID(e.Holder.Session)
	}
	return fmt.Sprintf("lock %q is held by %s since %s", e.Name, who, e.Holder.Since.Format(time.RFC3339))
}

// Is reports whether target is [ErrHeld].
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// A HoldLostError says how a hold ended other than by its own release. It matches [ErrHoldLost].
type HoldLostError struct {
	Name   string
	Token  Token
	Cause  string // "forced", "deleted", "expired", "closed"
	Reason string // of a forced release
}

func (e *HoldLostError) Error() string {
	return fmt.Sprintf("hold %d of lock %q is lost: %s", e.Token, e.Name, e.Cause)
}

// Is reports whether target is [ErrHoldLost].
func (e *HoldLostError) Is(target error) bool { return target == ErrHoldLost }

// A StaleTokenError says what a fence has seen. It matches [ErrStaleToken].
type StaleTokenError struct {
	Fence          string
	Token, Highest Token
}

func (e *StaleTokenError) Error() string {
	return fmt.Sprintf("token %d is stale: fence %q has seen %d", e.Token, e.Fence, e.Highest)
}

// Is reports whether target is [ErrStaleToken].
func (e *StaleTokenError) Is(target error) bool { return target == ErrStaleToken }
