// Package lease keeps sessions: leases in the quorum's log, and all that ends with them.
//
// A session is opened, moved and ended by committed batches of the [store], and by nothing
// else: it lives until the writer's close of it is in the log. Whoever keeps it alive touches
// it; a touch counts once it is confirmed.
//
// # The promise
//
// A silent session ends no sooner than its TTL after its last answered touch, and no later
// than TTL + 1.5 s after the last touch that the writer heard, however many end together.
// After a change of leader the second bound counts from the takeover.
package lease

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

// The bounds of a TTL, and the one granted when none is asked for.
const (
	MinTTL     = 2 * time.Second
	MaxTTL     = time.Hour
	DefaultTTL = 15 * time.Second
)

// ErrLost is matched by every error that says a session is over. See [LostError].
var ErrLost = errors.New("session lost")

// An ID names a session. Its text form is 16 lower-case hexadecimal digits.
type ID = znode.SessionID

// FormatID returns the text form of id.
func FormatID(id ID) string { return fmt.Sprintf("%016x", uint64(id)) }

// ParseID reads the text form of an id, and no other spelling of it: two texts that differ name two
// sessions. Its error is an [*InputError] for field.
func ParseID(field, text string) (ID, error) {
	id, err := strconv.ParseUint(text, 16, 63)
	if err != nil || id == 0 || FormatID(ID(id)) != text {
		return 0, &InputError{Field: field, Problem: fmt.Sprintf("%.40q is not a session id", text), Fix: "use the 16 lower-case hexadecimal digits that opening the session returned"}
	}
	return ID(id), nil
}

// A Session is one session as the log tells it.
type Session struct {
	ID      ID
	TTL     time.Duration     // granted
	Labels  map[string]string // who it is; not to be modified
	OneShot bool              // made for one hold, and closed with it
	Opened  time.Time         // by the writer's clock
	Owner   znode.Owner       // the connection it is attached to, if any
}

// A Touched is a session's life at a confirmed touch.
type Touched struct {
	Session  Session
	Deadline time.Time // the session cannot end before this, by this member's clock
	Revision int64
}

// Options say what session to open.
type Options struct {
	TTL       time.Duration     // brought into MinTTL to MaxTTL; 0 means DefaultTTL; negative is an error
	Labels    map[string]string // who asks: host, pid, name
	OneShot   bool
	RequestID string      // makes the open repeatable: the same id names the same session while it lives
	Owner     znode.Owner // the connection to attach it to; zero: none
}

// A Cause says how a session ended.
type Cause string

// The causes.
const (
	Expired Cause = "expired" // not heard of for its TTL
	Closed  Cause = "closed"  // by its own client or by an operator
	Unknown Cause = "unknown" // no such session, now or in this member's memory
)

// A LostError says that a session is over. It matches [ErrLost].
type LostError struct {
	ID    ID
	Cause Cause
}

func (e *LostError) Error() string {
	if e.Cause == Unknown {
		return "session " + FormatID(e.ID) + " is not known: it ended, or never was"
	}
	return "session " + FormatID(e.ID) + " is over: " + string(e.Cause)
}

// Is reports whether target is [ErrLost].
func (e *LostError) Is(target error) bool { return target == ErrLost }

// An InputError says which input is wrong, and what to do about it.
type InputError struct {
	Field, Problem, Fix string
}

func (e *InputError) Error() string { return e.Field + ": " + e.Problem + "; " + e.Fix }
