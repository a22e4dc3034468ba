package sdk

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// problems maps the service's codes to this package's errors. Those that have a type of their own
// are made by errorOf.
var problems = []struct {
	code string
	err  error
}{
	{wire.CodeBadRequest, ErrInput},
	{wire.CodeLockHeld, ErrHeld},
	{wire.CodeHoldLost, ErrLost},
	{wire.CodeSessionLost, ErrSessionLost},
	{wire.CodeNotHeld, ErrNotHeld},
	{wire.CodeStaleToken, ErrStaleToken},
	{wire.CodeNoTicket, ErrNoTicket},
	{wire.CodeTooManyEntries, ErrTooManyEntries},
	{wire.CodeTooManyWaiters, ErrTooManyWaiters},
	{wire.CodeTooManySessions, ErrTooManySessions},
	{wire.CodeTooManyRequests, ErrTooManyRequests},
	{wire.CodeTooManyWaits, ErrTooManyWaits},
	{wire.CodeTooManyStreams, ErrTooManyStreams},
	{wire.CodeUncertain, ErrUncertain},
	{wire.CodeUnavailable, ErrUnavailable},
	{wire.CodeShuttingDown, ErrShuttingDown},
	{wire.CodeStorageFull, ErrStorageFull},
	{wire.CodeQuotaExceeded, ErrQuota},
	{wire.CodeSessionMoved, ErrSessionMoved},
	{wire.CodeNotPermitted, ErrNotPermitted},
	{wire.CodeNotALock, ErrNotALock},
	{wire.CodeBodyTooLarge, ErrTooLarge},
	{wire.CodeInternal, ErrInternal},
	{wire.CodeNoPermits, ErrNoPermits},
	{wire.CodeNoLimit, ErrNoLimit},
	{wire.CodeLimitDiffers, ErrLimitDiffers},
	{wire.CodeTooManyPermits, ErrTooManyPermits},
	{wire.CodeBarrierClosed, ErrBarrierClosed},
	{wire.CodeBarrierCount, ErrBarrierCount},
	{wire.CodeNotABarrier, ErrNotABarrier},
	{wire.CodeTooManyParticipants, ErrTooManyParticipants},
	{wire.CodeNotHolder, ErrNotHolder},
	{wire.CodeBadVersion, ErrVersion},
	{wire.CodeNoValue, ErrNoValue},
	{wire.CodeNotAValue, ErrNotAValue},
	{wire.CodeDeadlock, ErrDeadlock},
	{wire.CodeCancelled, ErrCancelled},
	{wire.CodeEventsGone, ErrEventsGone},
	{wire.CodeTooSlow, ErrTooSlow},
	{wire.CodeUnknownKind, ErrUnsupported},
	{wire.CodeNoCandidate, ErrNoCandidate},
	{wire.CodeHelloRequired, ErrUnsupported},
	// Of the REST API alone; a proxy or an older member may answer the dial with them.
	{"body_timeout", ErrUnsupported},
	{"unsupported_media_type", ErrUnsupported},
	{"cross_origin", ErrNotPermitted},
	{"unknown_route", ErrUnsupported},
	{"upgrade_required", ErrUnsupported},
	{"method_not_allowed", ErrUnsupported},
}

// A RemoteError is a refusal that has no type of its own, in the service's words. It matches the
// sentinel of its code; a code that this package does not know, none.
type RemoteError struct {
	Code    string // as in docs/http-api.md
	Message string
	err     error
}

func (e *RemoteError) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

// Unwrap returns the sentinel.
func (e *RemoteError) Unwrap() error { return e.err }

// errorOf turns an ERROR frame into an error.
func errorOf(f *wire.Frame) error {
	switch f.Code {
	case wire.CodeBadRequest:
		return &InputError{Field: f.Field, Problem: strings.TrimPrefix(f.Message, f.Field+" "), Fix: f.Fix}
	case wire.CodeLockHeld:
		e := &HeldError{Name: f.Name, Position: int(f.Position), ExpectedWait: time.Duration(f.ExpectedMS) * time.Millisecond}
		if len(f.Contenders) > 0 {
			e.Holder = contender(&f.Contenders[0])
		}
		return e
	case wire.CodeDeadlock:
		return &DeadlockError{Name: f.Name, Cycle: links(f.Links), text: f.Message}
	case wire.CodeHoldLost:
		return holdLost(f)
	case wire.CodeSessionLost:
		return &LostError{Session: SessionID(f.Session), Whole: true, Cause: Cause(f.Cause)}
	case wire.CodeNoPermits, wire.CodeNoLimit, wire.CodeLimitDiffers, wire.CodeTooManyPermits:
		return permitsError(f)
	case wire.CodeBarrierCount:
		return &BarrierCountError{Name: f.Name, Others: int(f.Count)}
	case wire.CodeNotHolder:
		e := &NotHolderError{Name: f.Name, Token: Token(f.Token)}
		if len(f.Contenders) > 0 {
			e.Holder = contender(&f.Contenders[0])
		}
		return e
	case wire.CodeBadVersion:
		return &VersionError{Path: f.Name, Actual: int(f.DataVersion)}
	case wire.CodeStaleToken:
		return &StaleTokenError{Fence: f.Name, Token: Token(f.Token), Highest: Token(f.Highest)}
	}
	return &RemoteError{Code: f.Code, Message: f.Message, err: sentinel(f.Code)}
}

// sentinel returns the error that stands for a code; nil: it is not known.
func sentinel(code string) error {
	for _, p := range problems {
		if p.code == code {
			return p.err
		}
	}
	return nil
}

// holdLost returns how a hold was lost, as a frame about that says. The news that its session is over
// may come after it.
func holdLost(f *wire.Frame) *LostError {
	cause := Cause(f.Cause)
	return &LostError{
		Name: f.Name, Token: Token(f.Token), Session: SessionID(f.Session), Cause: cause, Reason: f.Reason,
		Whole: cause == CauseExpired || cause == CauseClosed,
	}
}

// passing reports whether an error says that the same request may succeed soon, so that the client
// sends it again by itself.
func passing(err error) bool {
	for _, e := range []error{ErrUncertain, ErrUnavailable, ErrShuttingDown, ErrTooManyRequests} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
