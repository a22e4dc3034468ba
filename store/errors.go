package store

import "errors"

// The sentinels of this package: what may become of a request that is not simply answered.
// Doors map each to an answer of its own, because each tells the client something else to do.
var (
	// ErrUncertain is returned when a request's outcome is not known: it may have been done, or
	// may still be done. Repeating it with the same request id is safe and tells the outcome.
	ErrUncertain = errors.New("outcome not known")
	// ErrUnavailable is returned when no quorum, or no leader, was found in time. The request
	// was not done and changed nothing.
	ErrUnavailable = errors.New("no quorum in time, nothing was changed")
	// ErrBusy is returned when a limit on requests in flight is reached. The request was not
	// done.
	ErrBusy = errors.New("too many requests in flight")
	// ErrClosed is returned while this member shuts down, and after. The request was not done.
	ErrClosed = errors.New("member is shutting down")
)
