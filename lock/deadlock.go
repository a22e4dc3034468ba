package lock

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
)

// ErrDeadlock is returned where a wait would close a cycle. See [DeadlockError].
var ErrDeadlock = errors.New("deadlock")

// A DeadlockMode says what becomes of a request whose wait would close a cycle of actors who wait
// for each other.
type DeadlockMode string

// The modes.
const (
	// DeadlockDefault is the member's own mode.
	DeadlockDefault DeadlockMode = ""
	// DeadlockRefuse has the request leave the queue at once, with a [*DeadlockError].
	DeadlockRefuse DeadlockMode = "refuse"
	// DeadlockReport lets it wait. A cycle that lasts is logged and counted, and told as an event.
	DeadlockReport DeadlockMode = "report"
	// DeadlockOff is for members only: they refuse and report nothing, whatever a request says.
	DeadlockOff DeadlockMode = "off"
)

// A Stand is how an actor stands to one lock. The zero Stand is none.
type Stand struct {
	Name  string
	Token Token
	State State
	Since time.Time // when it began to hold, or to wait; by the writer's clock
}

// A Link is one actor of a chain or a cycle: somebody whom the actor before waits for, and who may
// wait itself.
type Link struct {
	Session lease.ID // 0: a contender that is no session's
	Owner   string
	Door    string
	Holds   Stand // what the actor before waits for; zero at the start of a chain. Its State is Waiting where this actor only stands ahead in that lock's queue
	Waits   Stand // what it waits for itself; zero at the end of a chain
}

// Who names the link's actor for people.
func (k *Link) Who() string {
	if k.Owner != "" {
		return k.Owner
	}
	return "session " + lease.FormatID(k.Session)
}

// A DeadlockError tells the cycle that a request would have closed. It matches [ErrDeadlock].
type DeadlockError struct {
	Name     string
	Cycle    []Link // the first is the request's own actor; the last waits for what that one holds
	Revision int64
}

func (e *DeadlockError) Error() string {
	text := fmt.Sprintf("waiting for lock %q would never end: %s", e.Name, sentence(e.Cycle))
	if len(e.Cycle) == 1 { // a reader that would become a writer, or whoever asks for what it has
		text += "; release it first, or ask with reentrant=true for what you have, or write first and then downgrade"
	}
	return text
}

// Is reports whether target is [ErrDeadlock].
func (e *DeadlockError) Is(target error) bool { return target == ErrDeadlock }

// sentenceLinks is how many links a sentence tells.
const sentenceLinks = 8

// sentence tells a cycle to people.
func sentence(cycle []Link) string {
	var b strings.Builder
	for i := range cycle {
		if i == sentenceLinks {
			fmt.Fprintf(&b, ", and %d more", len(cycle)-i)
			break
		}
		k, next := &cycle[i], &cycle[(i+1)%len(cycle)]
		by := "held by"
		if next.Holds.State == Waiting {
			by = "behind"
		}
		if i == 0 {
			fmt.Fprintf(&b, "%s waits for %q, %s %s", k.Who(), k.Waits.Name, by, next.Who())
			continue
		}
		fmt.Fprintf(&b, ", who waits for %q, %s %s", k.Waits.Name, by, next.Who())
	}
	return b.String()
}

// A Cycle is actors who wait for each other in a ring, and so for ever, unless one of them lets go
// of what it holds while it waits.
type Cycle struct {
	Links  []Link    // each waits for the next, the last for the first
	Actors int       // in all, who wait for each other in a ring; the links are some of them
	Since  time.Time // when the last of the links' waits began
}

// Deadlocks are the cycles at one revision.
type Deadlocks struct {
	Cycles   []Cycle
	Total    int // of cycles; Cycles may be cut
	Limit    int // above 0: the look ended after so many contenders, and there may be more cycles
	Revision int64
}

// A Chain tells who blocks whom.
type Chain struct {
	Name     string
	Links    []Link // each waits for the next; empty: the lock is free
	Cycle    bool   // the last one waits for one of the others
	Limit    int    // above 0: the look ended after so many contenders, and the chain may go on
	Revision int64
}
