package znode

// A ChangeKind says what a [Change] did.
type ChangeKind uint8

// The kinds of changes.
const (
	Created ChangeKind = iota + 1
	Deleted
	DataSet
	ACLSet
	SessionOpened
	SessionMoved
	SessionClosed
	FenceRaised
	Answered // nothing changed: a check that passed, a fence that was high enough
	Refused  // nothing changed: Code says why, Step which operation was at fault
	Rested   // an ephemeral became a TTL znode when its session expired: its lock rests
)

// A Change is one entry of a batch's change list. It stands alone: applied in order to the
// same tree, a change list gives the same tree, results and events on every member. What it
// does not carry is a znode's data, which the batch's keys hold, because only the last
// contents that a batch leaves behind can ever be read.
type Change struct {
	Kind    ChangeKind
	Request RequestID // zero: the writer's own
	Step    int32     // index of the operation in its request
	Aux     bool      // a side effect of the step (a parent made, an ephemeral swept): no result of its own
	Last    bool      // the request's last entry
	Session SessionID // whose request it was; of SessionClosed and its sweeps: the session that ends
	Zxid    int64     // 0 for Answered and Refused
	Time    int64     // milliseconds since 1970, by the writer's clock

	Path     string    // znode, or the fence's name
	Node     Kind      // of Created
	Owner    SessionID // of Created and Deleted: the ephemeral's session
	TTL      int64     // of Created, in milliseconds
	Version  int32     // after the change
	Aversion int32     // after the change
	Length   int32     // of the data after the change
	ACL      []ACL     // of Created and ACLSet, where a later step of the batch replaces or removes it
	Code     Code      // of Refused
	Token    int64     // of FenceRaised, and of Answered or Refused for a fence: the highest seen; of Created: the czxid, where it is not Zxid; of Refused for a semaphore: see [Result]
	Record   Session   // of SessionOpened and SessionMoved: the record after the change
	Repeated bool      // of DataSet: a repeated create, which raises the version of what it finds
	Note     string    // of Deleted: why
	Expired  bool      // of SessionClosed and its sweeps: the writer found it overdue
	Moved    int64     // of a hand-over's changes: the token that the contender had which was moved
}

// A Content is what a znode's own key holds.
type Content struct {
	Data              []byte
	ACL               []ACL
	Kind              Kind
	TTL               int64
	Owner             SessionID
	Czxid, Mzxid      int64
	Ctime, Mtime      int64
	Version, Aversion int32
}

// Counters are what a znode's child-counter key holds, from its first child on.
type Counters struct {
	Creates int64 // children ever created
	Pzxid   int64
}

// A Result is what one operation of a request came to.
type Result struct {
	Code     Code
	Path     string  // of the znode created, with its sequence number; of ErrHeld: the first contender
	Stat     Stat    // right after the operation; of ErrHeld: the first contender's
	Token    int64   // of OpFence: the highest token seen; of ErrNoPermits: permits in use; of ErrLimitDiffers and ErrTooManyPermits: the limit
	Session  Session // of OpOpen and OpMove
	Repeated bool    // of OpCreate: answered with the session's own earlier znode (Protected)
}

// An Outcome is what a request came to.
type Outcome struct {
	ID       RequestID
	Code     Code     // 0, or why the request was refused
	Failed   int      // index of the operation at fault, or -1
	Results  []Result // one an operation; of a refusal only Results[Failed] means anything
	Zxid     int64    // of its changes; 0 when it changed nothing
	Revision int64    // of the quorum's log, where it was decided
}
