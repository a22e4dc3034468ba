// Package wire has the messages of the stream, GET /v1/stream, and their encoding: that of
// protocol buffers, as stream.proto says. It is what the server and the Go client share, and uses
// nothing but the standard library. docs/stream.md says what the messages mean.
package wire

const (
	// Path is where a member serves the stream.
	Path = "/v1/stream"
	// Subprotocol is the WebSocket subprotocol that both sides name. A change that an older peer
	// could not leave aside would get a new one.
	Subprotocol = "lockkeeper.v1"
)

// A Kind says what a frame is: a request, an answer, or a push. Kinds that one does not know are
// left aside.
type Kind int32

// The requests. Each but Cancel is answered by one OK or Error with the same id.
const (
	Hello       Kind = 1  // first on every stream
	Open        Kind = 2  // a new session
	Attach      Kind = 3  // go on with a session on this stream
	Close       Kind = 4  // end a session and all it holds
	Touch       Kind = 5  // keep sessions alive
	Acquire     Kind = 6  // a lock, waiting for it
	Enqueue     Kind = 7  // a place in a lock's queue, without waiting
	Await       Kind = 8  // wait on a ticket
	Leave       Kind = 9  // give a ticket's place up
	Release     Kind = 10 // a lock
	Queue       Kind = 11 // who holds a lock and who waits
	Fence       Kind = 12 // the highest token that a fence has seen
	Check       Kind = 13 // pass a token through a fence
	Subscribe   Kind = 14 // to events
	Unsubscribe Kind = 15
	Cancel      Kind = 16 // nobody waits for the target any more; not answered
	Downgrade   Kind = 17 // from writing to reading
	AcquireAll  Kind = 18 // several locks, all or none
	ReleaseAll  Kind = 19 // several locks
)

// Requests about semaphores.
const (
	AcquirePermits Kind = 72 // waiting for them
	EnqueuePermits Kind = 73 // or a place in the queue, without waiting
	ReleasePermits Kind = 74
	Semaphore      Kind = 75 // who has permits and who waits
	SetLimit       Kind = 76 // how many permits there are
)

// The requests about who waits for whom.
const (
	Deadlocks Kind = 80 // the cycles of waits that there are
	Blockers  Kind = 81 // who keeps a contender from its lock, through any chain
)

// The requests about barriers and about the data of znodes.
const (
	SetBarrier    Kind = 84 // close a barrier
	RemoveBarrier Kind = 85 // open it
	AwaitBarrier  Kind = 86 // wait until it is open
	Enter         Kind = 87 // a double barrier, waiting until enough have come
	Exit          Kind = 88 // leave it, waiting until all have left
	Barrier       Kind = 89 // how a barrier of either sort stands

	GetValue    Kind = 90
	PutValue    Kind = 91
	DeleteValue Kind = 92
)

// The requests about elections. Terms are holds otherwise: Await, Leave and Release are for them, too.
const (
	Campaign   Kind = 64 // for a term, waiting for it
	Candidates Kind = 65 // who leads and who waits
	Proclaim   Kind = 66 // another value of a term
	HandOver   Kind = 67 // a term to a candidate
	Observe    Kind = 68 // who leads, from now on
)

// MaxRequest is the highest kind of a request.
const MaxRequest Kind = 95

// IsRequest reports whether a kind is one of those that are kept for requests.
func (k Kind) IsRequest() bool { return k > 0 && k < OK || k >= 64 && k <= MaxRequest }

// The answers.
const (
	OK    Kind = 32
	Error Kind = 33
)

// The pushes.
const (
	Waiting     Kind = 48 // a wait has begun or has moved
	Event       Kind = 49 // of a subscription
	SessionLost Kind = 50
	HoldLost    Kind = 51
	Detached    Kind = 52 // a session was attached by another stream
	Going       Kind = 53 // the member is about to stop

	Leadership Kind = 54 // of an Observe
	Asked      Kind = 55 // a leader is asked to hand over
)

// A State says how a contender stands to its lock.
type State int32

// The states.
const (
	Held  State = 1
	Waits State = 2
	Rests State = 3
)

// A Known says what is known of a name's leader.
type Known int32

// What can be known.
const (
	Leads      Known = 1
	NobodyDoes Known = 2
	NotKnown   Known = 3
)

// A Frame is one message. Which fields mean something depends on its kind; those that do not are
// zero. The zero Frame is of no kind. The comments on the fields stand in stream.proto.
type Frame struct {
	Kind      Kind
	ID        uint64
	Session   uint64
	Name      string
	Token     int64
	RequestID string
	WaitMS    int64
	TTLMS     int64
	Owner     string
	Reason    string
	Labels    map[string]string
	Metadata  map[string]string
	Ticket    string
	Force     bool
	Target    uint64
	Limit     int64
	Sessions  []uint64
	Client    string
	After     string
	Compat    string
	Deadlock  string
	Value     string
	Priority  int64
	Candidate int64

	Mode        string
	Names       []string
	Reentrant   bool
	LockDelayMS int64

	// Answers and pushes.

	Known Known

	State           State
	Revision        int64
	RepeatedRequest bool
	Position        int64
	SinceMS         int64
	Contenders      []Contender
	Total           int64
	Cause           string
	Event           string
	TimeMS          int64
	Lost            []Lost

	// Semaphores.

	Permits     int64
	PermitLimit int64
	InUse       int64
	Waiters     int64

	// Errors.

	Code    string
	Message string
	Field   string
	Fix     string
	Highest int64
	RetryMS int64

	// The answer to Hello.

	Member      string
	Cluster     string
	Version     string
	MaxFrame    int64
	MaxInFlight int64
	Endpoints   []string

	// Barriers.

	Count       int64
	Participant string
	Closed      bool

	// The data of znodes.

	Data        []byte
	DataVersion int64
	Lock        string
	Mzxid       int64

	// How long a wait may last, and who waits for whom.

	ExpectedMS int64
	Ahead      int64
	Links      []Link
}

// Reset makes f the zero Frame. What its fields pointed to is left alone.
func (f *Frame) Reset() { *f = Frame{} }

// A Contender is one place in a lock's queue. The comments on the fields stand in stream.proto.
type Contender struct {
	Token      int64
	Session    uint64
	State      State
	Position   int64
	Owner      string
	Reason     string
	Metadata   map[string]string
	Door       string
	EnqueuedMS int64
	SinceMS    int64
	Znode      string

	Mode         string
	RestsUntilMS int64
	Ahead        int64
	ExpectedMS   int64
	Permits      int64
	Value        string
	Priority     int64
}

// A Lost is a session that is over.
type Lost struct {
	Session uint64
	Cause   string
}

// A Link is one actor of a cycle or a chain of waits. The comments on the fields stand in stream.proto.
type Link struct {
	Session      uint64
	Owner        string
	Door         string
	Holds        string
	HoldsToken   int64
	HoldsState   State
	HoldsSinceMS int64
	Waits        string
	WaitsToken   int64
	WaitsSinceMS int64
	Cycle        int64
	Actors       int64
	Closes       bool
}
