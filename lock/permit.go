package lock

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A semaphore called NAME is the znode /NAME with the children that Curator's
// InterProcessSemaphoreV2 makes, "locks" and "leases", and "limit", which its SharedCount makes.
// The writer grants: a request for permits becomes as many leases, at once, or a place in the queue
// that the writer turns into leases when they are free. Nobody overtakes a large request.

// DefaultMaxPermits is how many permits one request may ask for by default.
const DefaultMaxPermits = 1000

// maxLimit is the largest limit that a semaphore can have.
const maxLimit = math.MaxInt32

// A PermitRequest asks for permits of the semaphore called Name. Compat, Mode and the like, which
// locks have, do not apply to it.
type PermitRequest struct {
	Request
	Permits int // how many; 0: one
	Limit   int // how many there are: set if nobody has, else it must be what stands; 0: whatever stands
}

// A Semaphore is who has permits and who waits.
type Semaphore struct {
	Name    string
	Limit   int         // 0: not set
	InUse   int         // permits that are out; those of a Curator client that still waits are counted
	Holders []Contender // in the order of their grants; may be cut
	Waiters []Contender // in the order of their places; may be cut
	Holding int         // holders in all
	Waiting int         // waiters in all

	Revision int64
}

// A LimitSet is the answer to a change of a semaphore's limit.
type LimitSet struct {
	Name     string
	Limit    int
	Revision int64
}

// The sentinels of semaphores. All come in a [*PermitsError].
var (
	// ErrNoPermits is returned when a try or a wait ended without the permits.
	ErrNoPermits = errors.New("not enough permits are free")
	// ErrNoLimit is returned for a semaphore whose number of permits nobody has said yet.
	ErrNoLimit = errors.New("semaphore has no limit yet")
	// ErrLimitDiffers is returned when a request says another limit than the one that stands.
	ErrLimitDiffers = errors.New("semaphore has another limit")
	// ErrTooManyPermits is returned for a request for more permits than the limit.
	ErrTooManyPermits = errors.New("more permits than there are")
)

// A PermitsError says why permits were not given. It matches Err.
type PermitsError struct {
	Err     error // one of the sentinels
	Name    string
	Permits int // that were asked for
	Asked   int // the limit that was asked for; 0: none
	Limit   int // that stands
	InUse   int // of ErrNoPermits
	Waiting int // of ErrNoPermits: how many stand in the queue

	Revision int64
}

func (e *PermitsError) Error() string {
	switch e.Err { //nolint:errorlint // never wrapped
	case ErrNoLimit:
		return fmt.Sprintf("semaphore %q has no limit yet: say limit, or set it first", e.Name)
	case ErrLimitDiffers:
		return fmt.Sprintf("semaphore %q has a limit of %d, not of %d: leave limit out, or set the semaphore's limit", e.Name, e.Limit, e.Asked)
	case ErrTooManyPermits:
		return fmt.Sprintf("%d permits of semaphore %q will never be free together, its limit is %d: ask for fewer, or raise the limit", e.Permits, e.Name, e.Limit)
	}
	return fmt.Sprintf("%d permits of semaphore %q are not free: %d of %d are in use, %d wait", e.Permits, e.Name, e.InUse, e.Limit, e.Waiting)
}

// Unwrap returns Err.
func (e *PermitsError) Unwrap() error { return e.Err }

var permitCodes = map[znode.Code]error{
	znode.ErrNoPermits:      ErrNoPermits,
	znode.ErrNoLimit:        ErrNoLimit,
	znode.ErrLimitDiffers:   ErrLimitDiffers,
	znode.ErrTooManyPermits: ErrTooManyPermits,
}

// A claim is one request for permits on its way.
type claim struct {
	request   PermitRequest
	semaphore string // its znode
	session   lease.ID
	owner     znode.Owner // the connection it came over; zero: not checked
	ttl       time.Duration
	oneShot   bool
	retry     bool // the client can repeat the request: it chose the request id

	id       string // stands in the names of its permits and of its place
	path     string // of its first permit, or its place
	stat     znode.Stat
	sent     time.Duration // a confirmed touch counts from here; 0: none yet
	revision int64
	repeated bool
}

// count is how many permits are asked for.
func (c *claim) count() int { return max(1, c.request.Permits) }

func (l *Locker) validatePermits(r *PermitRequest) error {
	switch {
	case r.Permits < 0 || r.Permits > l.cfg.MaxPermits:
		return &lease.InputError{Field: "permits", Problem: fmt.Sprintf("is %d; this server gives 1 to %d at once", r.Permits, l.cfg.MaxPermits), Fix: "ask for fewer"}
	case r.Limit < 0 || r.Limit > maxLimit:
		return &lease.InputError{Field: "limit", Problem: fmt.Sprintf("is %d, not a number from 1 to %d", r.Limit, maxLimit), Fix: "say how many permits there are, or leave it out"}
	case r.Mode != ModeExclusive:
		return &lease.InputError{Field: "mode", Problem: "is for locks", Fix: "leave it out: permits are shared anyway"}
	case r.LockDelay != 0:
		return &lease.InputError{Field: "lock_delay", Problem: "is for locks", Fix: "leave it out"}
	case r.Reentrant:
		return &lease.InputError{Field: "reentrant", Problem: "is for locks", Fix: "leave it out: a session can have several holds of a semaphore"}
	case r.Compat != CompatCurator:
		return &lease.InputError{Field: "compat", Problem: "is for locks", Fix: "leave it out: semaphores keep to Curator's layout"}
	}
	return nil
}
