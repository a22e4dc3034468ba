// Package barrier holds processes back: barriers that somebody closes and opens, and double barriers
// that open when enough have come, and let go when all have left.
//
// Both have the layout of Apache Curator's DistributedBarrier and DistributedDoubleBarrier, so that
// its clients, and kazoo's, meet ours at the same path. A barrier is a znode: while it stands, the
// barrier is closed. A double barrier is a znode with an ephemeral child for each participant and a
// child "ready" once as many have come as were asked for.
//
// # Guarantees
//
// Nobody passes a barrier that was closed, by an answered Set, before the Wait began and until it is
// removed. A double barrier opens in the same step in which its last participant enters, and nobody's
// Enter succeeds before. A participant whose session ends is out: it does not count for those who
// enter, and nobody waits for it to leave.
//
// # What a double barrier is not
//
// It does not know who ought to come. A participant that dies after the barrier has opened is not
// missed: the others have passed. Whoever enters an open double barrier passes at once, until all
// have left.
package barrier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// DefaultMaxParticipants is how many a double barrier takes when the [Config] does not say.
const DefaultMaxParticipants = 10_000

// A Config bounds what a Barriers does. The zero Config has the defaults.
type Config struct {
	MaxParticipants int // of one double barrier
}

// The sentinels of this package. Those with a type say more; see there.
var (
	// ErrClosed is returned when a wait ran out before the barrier was open. See [ClosedError].
	ErrClosed = errors.New("barrier is closed")
	// ErrCount is returned to a participant that asks for another number than those who are there.
	// See [CountError].
	ErrCount = errors.New("another number of participants")
	// ErrNotABarrier is returned where a znode stands that is in other use.
	ErrNotABarrier = errors.New("not a barrier")
	// ErrTooManyParticipants is returned where a double barrier takes no more.
	ErrTooManyParticipants = errors.New("too many participants")
)

// A ClosedError says which barrier was still closed when a wait ran out. It matches [ErrClosed].
type ClosedError struct {
	Name         string
	Owner        string    // who closed it, where that is known
	Since        time.Time // when it was closed; zero: of a double barrier
	Participants int       // who were at a double barrier, the one who asks included
	Count        int       // how many it opens for; 0: not a double barrier
	Revision     int64
}

func (e *ClosedError) Error() string {
	if e.Count > 0 {
		return fmt.Sprintf("double barrier %q is closed: %d of %d have come", e.Name, e.Participants, e.Count)
	}
	text := fmt.Sprintf("barrier %q is closed since %s", e.Name, e.Since.Format(time.RFC3339))
	if e.Owner != "" {
		text += " by " + e.Owner
	}
	return text
}

// Is reports whether target is [ErrClosed].
func (e *ClosedError) Is(target error) bool { return target == ErrClosed }

// A CountError says for how many others wait at a double barrier. It matches [ErrCount].
type CountError struct {
	Name          string
	Count, Others int
}

func (e *CountError) Error() string {
	return fmt.Sprintf("double barrier %q is to open for %d participants, not for %d: all must name the same number", e.Name, e.Others, e.Count)
}

// Is reports whether target is [ErrCount].
func (e *CountError) Is(target error) bool { return target == ErrCount }

// A Barriers closes, opens and waits at barriers through one member. Its methods are safe for
// concurrent use.
type Barriers struct {
	cfg      Config
	sessions *lease.Sessions
	store    *store.Store
	behind   *store.Behind // those who leave behind a caller's back

	mu    sync.Mutex // guards what follows; taken inside the store's apply loop
	spots map[string]*spot
}

// New returns a Barriers. Bind must be called on it before anything else, Close in the end.
func New(cfg Config) *Barriers {
	if cfg.MaxParticipants == 0 {
		cfg.MaxParticipants = DefaultMaxParticipants
	}
	return &Barriers{cfg: cfg, behind: store.NewBehind(), spots: map[string]*spot{}}
}

// Bind says which sessions participate and which store the barriers live in: the one whose Observer
// calls b.Changed and b.Rebuilt.
func (b *Barriers) Bind(sessions *lease.Sessions, st *store.Store) {
	b.sessions, b.store = sessions, st
}

// Finish waits until those have left barriers who are still leaving them, or ctx ends. Callers must
// have been told to stop before, and none may come any more.
func (b *Barriers) Finish(ctx context.Context) { b.behind.Finish(ctx) }

// Close waits for those who are still leaving barriers behind their callers' backs. Callers who
// wait must have been told to stop by their contexts before.
func (b *Barriers) Close() { b.behind.Close() }

// path returns the znode of the barrier called name. Its error is a [*lease.InputError].
func path(name string) (string, error) {
	p, err := lock.Path(name)
	if err != nil {
		return "", err
	}
	if _, last := znode.Split(p); isContender(last) {
		return "", &lease.InputError{Field: "name", Problem: "is that of a place in a lock's queue", Fix: "choose another name"}
	}
	return p, nil
}

func isContender(name string) bool {
	_, contender := znode.Contender(name)
	return contender
}

// codeError turns a refusal into the error that callers see.
func (b *Barriers) codeError(code znode.Code, session lease.ID) error {
	switch code {
	case znode.ErrSessionExpired:
		return b.sessions.Lost(session)
	case znode.ErrNoChildrenForEphemerals, znode.ErrNotEmpty:
		return ErrNotABarrier
	case znode.ErrBadArguments:
		return &lease.InputError{Field: "name", Problem: "is too long, or has too many parts", Fix: "choose another name"}
	}
	return code
}
