package wire

// The codes of an Error frame, and what they say. They are those of the REST API, where
// docs/http-api.md describes each; those that only a stream has stand last. A code never changes
// its meaning, and new ones are only added: one that is not known is treated by its retry_ms.
const (
	CodeBadRequest      = "bad_request"
	CodeLockHeld        = "lock_held"
	CodeHoldLost        = "hold_lost"
	CodeSessionLost     = "session_lost"
	CodeNotHeld         = "not_held"
	CodeStaleToken      = "stale_token"
	CodeNoTicket        = "no_ticket"
	CodeTooManyEntries  = "too_many_entries"
	CodeTooManyWaiters  = "too_many_waiters"
	CodeTooManySessions = "too_many_sessions"
	CodeTooManyRequests = "too_many_requests"
	CodeTooManyWaits    = "too_many_waits"
	CodeTooManyStreams  = "too_many_streams"
	CodeUncertain       = "uncertain" // it may have been done
	CodeUnavailable     = "unavailable"
	CodeShuttingDown    = "shutting_down"
	CodeStorageFull     = "storage_full"
	CodeQuotaExceeded   = "quota_exceeded"
	CodeSessionMoved    = "session_moved" // or never attached to this stream
	CodeNotPermitted    = "not_permitted"
	CodeNotALock        = "not_a_lock"
	CodeBodyTooLarge    = "body_too_large"
	CodeInternal        = "internal"
	CodeNoPermits       = "no_permits"
	CodeNoLimit         = "no_limit"
	CodeLimitDiffers    = "limit_differs"
	CodeTooManyPermits  = "too_many_permits"
	CodeDeadlock        = "deadlock" // the wait would close a cycle; links has it

	CodeBarrierClosed       = "barrier_closed"
	CodeBarrierCount        = "barrier_count"
	CodeNotABarrier         = "not_a_barrier"
	CodeTooManyParticipants = "too_many_participants"
	CodeNotHolder           = "not_holder"
	CodeBadVersion          = "bad_version"
	CodeNoValue             = "no_value"
	CodeNotAValue           = "not_a_value"
	CodeNoCandidate         = "no_candidate" // nobody with that token waits

	CodeCancelled     = "cancelled"      // by Cancel or Unsubscribe
	CodeEventsGone    = "events_gone"    // the events after the given one are not remembered
	CodeTooSlow       = "too_slow"       // a subscription that was not read fast enough
	CodeUnknownKind   = "unknown_kind"   // of a request
	CodeHelloRequired = "hello_required" // anything before Hello, or a second one
)

// Why a session or a hold is over: the cause of SessionLost, HoldLost and Lost.
const (
	CauseExpired = "expired" // the session was silent too long
	CauseClosed  = "closed"  // by a Close
	CauseForced  = "forced"  // by a forced release; the reason says more
	CauseDeleted = "deleted" // the hold's znode was deleted by somebody
	CauseUnknown = "unknown" // no such session, or none that is remembered
)

// The kinds of an Event frame's event.
const (
	EventAcquired = "acquired"
	EventReleased = "released"
	EventLost     = "lost"
	EventWaiting  = "waiting"
	EventLeft     = "left"
	EventDeadlock = "deadlock"
)

// The status codes with which a member closes a stream. The first ones are the WebSocket
// protocol's own.
const (
	CloseGoing      = 1001 // the member stops
	CloseMalformed  = 1002 // a message is no batch, or an id is 0 or in use
	CloseNotBinary  = 1003 // a text message
	CloseRefused    = 1008 // no Hello in time, or the wrong subprotocol
	CloseTooLarge   = 1009 // a message is larger than max_frame
	CloseRebuilt    = 1012 // the member has missed a part of the log: connect again, and attach
	CloseSilent     = 4000 // nothing came for too long
	CloseSlowReader = 4001 // too much was not read
)
