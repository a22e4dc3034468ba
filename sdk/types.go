package sdk

import (
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A Token is a fencing token. It grows with every grant of a lock's name, for ever, and stays
// below 2^53. 0 is no token.
type Token int64

// A SessionID names a session. 0 is no session.
type SessionID uint64

// String returns the id as the service writes it: 16 lower-case hexadecimal digits.
func (id SessionID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// A Contender is one place in a lock's queue, of whatever client.
type Contender struct {
	Token    Token
	Session  SessionID
	Holds    bool
	Position int // 0 holds; n waits behind n others
	Owner    string
	Reason   string
	Metadata map[string]string
	Door     string    // "rest", "stream", "zookeeper", or "" where a foreign client left no word
	Enqueued time.Time // by the service's clock
	Since    time.Time // when it became the holder, by the service's clock; zero while waiting
	Znode    string    // its path in the tree
	Permits  int       // of a semaphore: how many it has or waits for; 0: of a lock

	ExpectedWait time.Duration // by the lock's recent holds; 0: not known, or it holds
	Value        string        // of an election's candidate: what it says
	Priority     int           // of an election's candidate
}

// Who returns the contender's owner or, where it has not said, its session.
func (c *Contender) Who() string {
	if c.Owner != "" {
		return c.Owner
	}
	if c.Value != "" {
		return c.Value
	}
	return "session " + c.Session.String()
}

// A Queue is a lock's holder and waiters at one moment, in their order.
type Queue struct {
	Name       string
	Contenders []Contender // the first holds, if there is any
	Total      int         // contenders in all; Contenders has the first [QueueLimit]
	Revision   int64       // of the service's tree, which grows with every change
}

// Holder returns who holds the lock, and false where it is free.
func (q *Queue) Holder() (Contender, bool) {
	if len(q.Contenders) == 0 || !q.Contenders[0].Holds {
		return Contender{}, false
	}
	return q.Contenders[0], true
}

// A Wait says for whom somebody waits.
type Wait struct {
	Name     string
	Position int       // how many stand ahead
	Holder   Contender // zero where that is not known

	ExpectedWait time.Duration // by the lock's recent holds; 0: not known
}

// String returns a sentence such as "waiting for orders/42, held by host-7 since …".
func (w Wait) String() string {
	text := "waiting for " + w.Name
	if holder := describe(&w.Holder); holder != "" {
		text += ", held" + holder
	}
	if w.Position > 1 {
		text += fmt.Sprintf(", behind %d others", w.Position)
	}
	if w.ExpectedWait > 0 {
		text += fmt.Sprintf(", for about %v", w.ExpectedWait)
	}
	return text
}

func contender(c *wire.Contender) Contender {
	return Contender{
		Token: Token(c.Token), Session: SessionID(c.Session), Holds: c.State == wire.Held, Position: int(c.Position),
		Owner: c.Owner, Reason: c.Reason, Metadata: c.Metadata, Door: c.Door,
		Enqueued: millis(c.EnqueuedMS), Since: millis(c.SinceMS), Znode: c.Znode, Permits: int(c.Permits),
		ExpectedWait: time.Duration(c.ExpectedMS) * time.Millisecond,
		Value:        c.Value, Priority: int(c.Priority),
	}
}

// millis is the time that a frame tells; 0 is none.
func millis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// A State says how a hold stands.
type State int

// The states. Lost and Released are final.
const (
	Held      State = iota + 1
	Jeopardy        // held, but a renewal of its session is overdue
	Uncertain       // its release is under way, and whether it was done is not known
	Lost            // ended other than by its own program, or may have: see [Hold.Err]
	Released        // by its own program
)

// String returns the state's name in lower case.
func (s State) String() string {
	switch s {
	case Held:
		return "held"
	case Jeopardy:
		return "jeopardy"
	case Uncertain:
		return "uncertain"
	case Lost:
		return "lost"
	case Released:
		return "released"
	}
	return fmt.Sprintf("State(%d)", int(s))
}
