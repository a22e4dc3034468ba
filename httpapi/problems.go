package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/value"
	"github.com/lockkeeper/lockkeeper/znode"
)

// What this door itself refuses.
var (
	errInput         = errors.New("input refused") // stands for every [*lease.InputError]
	errUnknownRoute  = errors.New("there is nothing at this path")
	errWrongMethod   = errors.New("this path does not take this method")
	errBodyTooLarge  = errors.New("the body is larger than this server takes")
	errBodyTimeout   = errors.New("the body did not arrive in time")
	errMediaType     = errors.New("the body must be JSON")
	errCrossOrigin   = errors.New("a web page of another origin may not change anything here")
	errTooManyWaits  = errors.New("too many requests wait at this member")
	errTooManyStream = errors.New("too many event streams are open at this member")
	errInternal      = errors.New("something went wrong in the server")
)

// A problem is a kind of error answer. Its code never changes its meaning; its title may.
type problem struct {
	err    error
	status int
	code   string
	title  string
	retry  bool // the same request may succeed in a second
}

// problems maps errors to answers; the first match wins. docs/http-api.md describes each code.
var problems = []problem{
	{errInput, http.StatusBadRequest, "bad_request", "The request is not understood", false},
	{lock.ErrHeld, http.StatusLocked, "lock_held", "The lock is held", false},
	{lock.ErrHoldLost, http.StatusGone, "hold_lost", "The hold was taken away", false},
	{lease.ErrLost, http.StatusGone, "session_lost", "The session is over", false},
	{lock.ErrNoPermits, http.StatusLocked, "no_permits", "Not enough permits are free", false},
	{lock.ErrNoLimit, http.StatusConflict, "no_limit", "The semaphore has no limit yet", false},
	{lock.ErrLimitDiffers, http.StatusConflict, "limit_differs", "The semaphore has another limit", false},
	{lock.ErrTooManyPermits, http.StatusConflict, "too_many_permits", "The semaphore has fewer permits", false},
	{lock.ErrNotHeld, http.StatusConflict, "not_held", "The session does not hold the lock", false},
	{lock.ErrStaleToken, http.StatusPreconditionFailed, "stale_token", "The fence has seen a higher token", false},
	{lock.ErrNoTicket, http.StatusNotFound, "no_ticket", "The ticket's place in the queue is gone", false},
	{lock.ErrTooManyEntries, http.StatusConflict, "too_many_entries", "The lock was taken too often by the same owner", false},
	{barrier.ErrClosed, http.StatusLocked, "barrier_closed", "The barrier is closed", false},
	{barrier.ErrCount, http.StatusConflict, "barrier_count", "The others wait for another number", false},
	{barrier.ErrNotABarrier, http.StatusConflict, "not_a_barrier", "The name is taken by something that is no barrier", false},
	{barrier.ErrTooManyParticipants, http.StatusTooManyRequests, "too_many_participants", "The double barrier is full", true},
	{value.ErrNotHolder, http.StatusConflict, "not_holder", "The token does not hold the lock", false},
	{value.ErrVersion, http.StatusPreconditionFailed, "bad_version", "The value is of another version", false},
	{value.ErrNone, http.StatusNotFound, "no_value", "There is no such value", false},
	{value.ErrNotAValue, http.StatusConflict, "not_a_value", "The path is no place for a value", false},
	{value.ErrTooLong, http.StatusRequestEntityTooLarge, "body_too_large", "The request is too large", false},
	{lock.ErrTooManyWaiters, http.StatusTooManyRequests, "too_many_waiters", "The lock's queue is full", true},
	{lease.ErrTooManySessions, http.StatusTooManyRequests, "too_many_sessions", "Too many sessions are open", true},
	{store.ErrBusy, http.StatusTooManyRequests, "too_many_requests", "Too many requests are in flight", true},
	{errTooManyWaits, http.StatusTooManyRequests, "too_many_waits", "Too many requests wait at this member", true},
	{errTooManyStream, http.StatusTooManyRequests, "too_many_streams", "Too many event streams are open at this member", true},
	{lock.ErrTooManySubscribers, http.StatusTooManyRequests, "too_many_streams", "Too many event streams are open at this member", true},
	{stream.ErrTooManyStreams, http.StatusTooManyRequests, "too_many_streams", "Too many streams are open at this member", true},
	{stream.ErrNotWebSocket, http.StatusUpgradeRequired, "upgrade_required", "This path takes WebSocket connections", false},
	{lock.ErrSubscriptionEnded, http.StatusServiceUnavailable, "shutting_down", "This member is shutting down", true},
	{store.ErrUncertain, http.StatusServiceUnavailable, "uncertain", "The outcome is not known yet", true},
	{store.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "There is no quorum, and nothing was done", true},
	{store.ErrClosed, http.StatusServiceUnavailable, "shutting_down", "This member is shutting down", true},
	{znode.ErrFull, http.StatusInsufficientStorage, "storage_full", "The disk is too full", false},
	{znode.ErrQuotaExceeded, http.StatusInsufficientStorage, "quota_exceeded", "A quota forbids it", false},
	{znode.ErrSessionMoved, http.StatusConflict, "session_moved", "The session is attached elsewhere by now", false},
	{znode.ErrNoAuth, http.StatusForbidden, "not_permitted", "An ACL forbids it", false},
	{znode.ErrNoChildrenForEphemerals, http.StatusConflict, "not_a_lock", "The name is taken by something that cannot be a lock", false},
	{znode.ErrBadArguments, http.StatusBadRequest, "bad_request", "The request is not understood", false},
	{znode.ErrTooLarge, http.StatusRequestEntityTooLarge, "body_too_large", "The request is too large", false},
	{errBodyTooLarge, http.StatusRequestEntityTooLarge, "body_too_large", "The request is too large", false},
	{errBodyTimeout, http.StatusRequestTimeout, "body_timeout", "The body did not arrive in time", false},
	{errMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type", "The body must be JSON", false},
	{errCrossOrigin, http.StatusForbidden, "cross_origin", "Web pages of other origins may not do this", false},
	{errUnknownRoute, http.StatusNotFound, "unknown_route", "There is nothing at this path", false},
	{errWrongMethod, http.StatusMethodNotAllowed, "method_not_allowed", "This path does not take this method", false},
	{lock.ErrDeadlock, http.StatusConflict, "deadlock", "The wait would close a cycle of waits", false},
	{quorum.ErrNoMember, http.StatusNotFound, "no_member", "There is no such member", false},
	{quorum.ErrLosesQuorum, http.StatusConflict, "loses_quorum", "The cluster would lose its quorum", false},
	{quorum.ErrMemberExists, http.StatusConflict, "member_exists", "There is such a member already", false},
	{quorum.ErrLearnerExists, http.StatusConflict, "learner_exists", "Another learner is still catching up", false},
	{quorum.ErrLearnerBehind, http.StatusConflict, "learner_behind", "The learner has not caught up yet", false},
	{quorum.ErrNotLearner, http.StatusConflict, "not_a_learner", "The member votes already", false},
	{quorum.ErrCannotLead, http.StatusConflict, "cannot_lead", "The member cannot lead", false},
	{quorum.ErrDefragRuns, http.StatusConflict, "defrag_running", "The database is being rewritten already", false},
	{quorum.ErrUnknown, http.StatusServiceUnavailable, "uncertain", "The outcome is not known yet", true},
	{quorum.ErrDropped, http.StatusServiceUnavailable, "unavailable", "Nothing was done", true},
	// The time ran out below, where nobody said whether it was done: then it is not known.
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "uncertain", "The outcome is not known yet", true},
	{election.ErrNoCandidate, http.StatusNotFound, "no_candidate", "Nobody with that token waits for the name", false},
	{errInternal, http.StatusInternalServerError, "internal", "Something went wrong in the server", false},
}

// problemOf returns the table's row for err; the last row is for what no other knows.
func problemOf(err error) *problem {
	if _, ok := errors.AsType[*lease.InputError](err); ok {
		err = errInput
	}
	for i := range problems {
		if errors.Is(err, problems[i].err) {
			return &problems[i]
		}
	}
	return &problems[len(problems)-1]
}
