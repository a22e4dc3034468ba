package sdk

import (
	"errors"
	"fmt"
	"time"
)

// What ends a request or a hold. Each error of this package matches one of them.
var (
	// ErrHeld is returned by TryLock for a lock that somebody else holds. See [HeldError].
	ErrHeld = errors.New("lock is held")
	// ErrLost is the end of a hold, or of a session with all its holds, other than by its own
	// program. See [LostError].
	ErrLost = errors.New("lost")
	// ErrSessionLost is matched besides ErrLost where the whole session is over.
	ErrSessionLost = errors.New("session lost")
	// ErrReleased is the end of a hold that was unlocked, or whose session was closed, by its own
	// program.
	ErrReleased = errors.New("released")
	// ErrMaxHold is the end of a hold that was held for longer than [WithMaxHold] allows.
	ErrMaxHold = errors.New("held for too long")
	// ErrNoProgress is the end of a hold whose check, see [WithProgress], failed or did not end.
	ErrNoProgress = errors.New("no progress")
	// ErrNotHeld is returned for an Unlock of what is not held.
	ErrNotHeld = errors.New("lock is not held")
	// ErrUncertain is returned where it is not known whether something was done.
	ErrUncertain = errors.New("the outcome is not known")
	// ErrUnavailable is returned where there is no quorum: nothing was done.
	ErrUnavailable = errors.New("the service has no quorum")
	// ErrUnreachable is returned where no member could be reached. See [UnreachableError].
	ErrUnreachable = errors.New("no member can be reached")
	// ErrClosed is returned by a Client, a Session or a Subscription that has been closed.
	ErrClosed = errors.New("closed")
	// ErrStaleToken is returned by a fence that has seen a higher token. See [StaleTokenError].
	ErrStaleToken = errors.New("stale token")
	// ErrNoTicket is returned for a ticket whose place in the queue is gone.
	ErrNoTicket = errors.New("the ticket's place in the queue is gone")
	// ErrInput is matched by every [InputError].
	ErrInput = errors.New("input refused")

	// ErrTooManyEntries is returned where a reentrant hold has been taken too often.
	ErrTooManyEntries = errors.New("the reentrant hold has been taken too often")
	// ErrTooManyWaiters is returned where a lock's queue is full.
	ErrTooManyWaiters = errors.New("the lock's queue is full")
	// ErrTooManySessions is returned where the service takes no more sessions.
	ErrTooManySessions = errors.New("too many sessions")
	// ErrTooManyRequests is returned where more requests are under way, or more bytes unsent,
	// than the client's limits allow.
	ErrTooManyRequests = errors.New("too many requests")
	// ErrTooManyWaits is returned where too many requests wait at the member.
	ErrTooManyWaits = errors.New("too many requests wait at this member")
	// ErrTooManyStreams is returned where the member takes no more streams or subscriptions.
	ErrTooManyStreams = errors.New("too many streams")

	// ErrEventsGone is returned by a Subscription where events that it has not seen are not
	// remembered any more.
	ErrEventsGone = errors.New("events are no longer remembered")
	// ErrTooSlow is returned by a Subscription that was not read fast enough.
	ErrTooSlow = errors.New("the subscription was not read fast enough")

	// ErrBarrierClosed is returned where a wait at a barrier ended before it was open.
	ErrBarrierClosed = errors.New("the barrier is closed")
	// ErrBarrierCount is returned where others wait at a double barrier for another number. See
	// [BarrierCountError].
	ErrBarrierCount = errors.New("the others wait for another number")
	// ErrNotABarrier is returned for a name that is taken by something that is no barrier.
	ErrNotABarrier = errors.New("the name is not that of a barrier")
	// ErrTooManyParticipants is returned where a double barrier takes no more.
	ErrTooManyParticipants = errors.New("too many participants")
	// ErrNotHolder is returned for a write whose token does not hold the lock. See [NotHolderError].
	ErrNotHolder = errors.New("the token does not hold the lock")
	// ErrVersion is returned where data is not of the version expected. See [VersionError].
	ErrVersion = errors.New("the data is of another version")
	// ErrNoValue is returned where there is no such znode.
	ErrNoValue = errors.New("there is no such data")
	// ErrNotAValue is returned for a path at which no data may be written in this way.
	ErrNotAValue = errors.New("not a place for data")
	// ErrNoCandidate is returned by a hand-over to somebody who does not wait any more.
	ErrNoCandidate = errors.New("the candidate does not wait any more")
	// ErrNoLeader is returned by [Election.Leader] where nobody leads.
	ErrNoLeader = errors.New("nobody leads")
	// ErrAsked is the end of the context of a function that leads by [Election.Run]: a candidate of
	// higher priority waits.
	ErrAsked = errors.New("a candidate of higher priority asks for the lead")

	// ErrStorageFull is returned where the service's disk is too full to take what grows.
	ErrStorageFull = errors.New("the service's storage is full")
	// ErrQuota is returned where a quota of the service forbids it.
	ErrQuota = errors.New("a quota forbids it")
	// ErrNotPermitted is returned where an ACL forbids it.
	ErrNotPermitted = errors.New("not permitted")
	// ErrNotALock is returned for a name that is taken by something that cannot be a lock.
	ErrNotALock = errors.New("the name is not that of a lock")
	// ErrTooLarge is returned for a request that is larger than the service takes.
	ErrTooLarge = errors.New("the request is too large")
	// ErrSessionMoved is returned where another program has taken the session over.
	ErrSessionMoved = errors.New("the session is attached elsewhere")
	// ErrShuttingDown is returned where a member stops and no other can be reached.
	ErrShuttingDown = errors.New("the member is shutting down")
	// ErrCancelled is the answer to a request that was cancelled.
	ErrCancelled = errors.New("cancelled")
	// ErrUnsupported is returned where the member does not know this client's requests: their
	// versions do not fit.
	ErrUnsupported = errors.New("the member does not understand this client")
	// ErrDeadlock is returned where a wait would have closed a cycle of waits. See [DeadlockError].
	ErrDeadlock = errors.New("deadlock")
	// ErrInternal is returned where something went wrong in the service.
	ErrInternal = errors.New("something went wrong in the service")
)

// A HeldError says who holds a lock. It matches [ErrHeld].
type HeldError struct {
	Name     string
	Holder   Contender // zero where the holder left meanwhile
	Position int       // how many stood ahead

	ExpectedWait time.Duration // what the lock's recent holds would let one expect behind them; 0: not known
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("lock %q is held%s", e.Name, describe(&e.Holder))
}

// Is reports whether target is [ErrHeld].
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// describe says who holds, since when, and why, as far as it is known.
func describe(holder *Contender) string {
	if holder.Token == 0 {
		return ""
	}
	text := " by " + holder.Who()
	if !holder.Since.IsZero() {
		text += " since " + holder.Since.Format(time.RFC3339)
	}
	if holder.Reason != "" {
		text += fmt.Sprintf(" (%s)", holder.Reason)
	}
	return text
}

// A Cause says how a hold or a session ended.
type Cause string

// The causes. The service may tell others.
const (
	CauseExpired  Cause = "expired"  // the session's time ran out: at the service, or by this program's own clock
	CauseClosed   Cause = "closed"   // the session was closed from outside
	CauseForced   Cause = "forced"   // a forced release; the reason says more
	CauseDeleted  Cause = "deleted"  // somebody deleted the lock's znode
	CauseDetached Cause = "detached" // another program took the session over
	CauseUnknown  Cause = "unknown"  // the service does not know the session or the hold any more
)

// A LostError says how a hold, or a session with all its holds, ended. It matches [ErrLost], and
// [ErrSessionLost] where the whole session is over.
type LostError struct {
	Name    string // of the lock; empty: not about one lock
	Token   Token  // of the hold; 0: not about one hold
	Session SessionID
	Whole   bool // the whole session is over
	Cause   Cause
	Reason  string // of a forced release
}

func (e *LostError) Error() string {
	what := fmt.Sprintf("session %s", e.Session)
	if e.Name != "" {
		what = fmt.Sprintf("lock %q", e.Name)
	}
	text := fmt.Sprintf("%s is lost: %s", what, e.Cause)
	if e.Whole && e.Name != "" {
		text = fmt.Sprintf("%s is lost: its session %s", what, e.Cause)
	}
	if e.Reason != "" {
		text += fmt.Sprintf(" (%s)", e.Reason)
	}
	return text
}

// Is reports whether target is [ErrLost], or [ErrSessionLost] where that is so.
func (e *LostError) Is(target error) bool {
	return target == ErrLost || e.Whole && target == ErrSessionLost
}

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

// An InputError says which input is wrong, and what to do about it. It matches [ErrInput].
type InputError struct {
	Field, Problem, Fix string
}

func (e *InputError) Error() string {
	text := e.Problem
	if e.Field != "" {
		text = e.Field + " " + e.Problem
	}
	if e.Fix != "" {
		text += ": " + e.Fix
	}
	return text
}

// Is reports whether target is [ErrInput].
func (e *InputError) Is(target error) bool { return target == ErrInput }
