package lock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
)

// An EventKind says what happened to a lock.
type EventKind string

// The kinds of events.
const (
	EventAcquired EventKind = "acquired"
	EventReleased EventKind = "released" // by its own session
	EventLost     EventKind = "lost"     // any other way; Cause says which
	EventWaiting  EventKind = "waiting"  // joined the queue behind others
	EventLeft     EventKind = "left"     // gave up waiting
	// EventDeadlock tells of a cycle of waits. Only the member at which the event's contender
	// waits, or was refused, has it.
	EventDeadlock EventKind = "deadlock"
)

// An EventID orders events. It is the same on every member, so that a subscriber can go on at
// another one. The zero EventID comes before all.
type EventID struct {
	Revision int64
	Index    int // within the revision
}

func (id EventID) String() string { return fmt.Sprintf("%d-%d", id.Revision, id.Index) }

// ParseEventID reads what String wrote. It reports false for what is no event's id.
func ParseEventID(text string) (id EventID, ok bool) {
	revision, index, _ := strings.Cut(text, "-")
	r, err := strconv.ParseUint(revision, 10, 53)
	i, err2 := strconv.ParseUint(index, 10, 31)
	if err != nil || err2 != nil {
		return EventID{}, false
	}
	return EventID{Revision: int64(r), Index: int(i)}, true
}

// An Event is one change of a lock's holder or queue, in the log's order.
type Event struct {
	ID      EventID
	Kind    EventKind
	Name    string
	Token   Token
	Session lease.ID
	Owner   string
	Cause   string // of EventLost: "forced", "deleted", "expired", "closed"; of EventDeadlock: "refused", "reported"
	Reason  string // of a forced release; of EventDeadlock: the cycle, for people
	Time    time.Time
	Permits int // of a semaphore: how many it is about; 0: Name is a lock's
}
