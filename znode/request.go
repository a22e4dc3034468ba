package znode

import "time"

// A SessionID names a session. Zero means no session; valid ids are positive.
type SessionID int64

// A RequestID names one request of one member, for ever: a member never uses an incarnation
// twice, and numbers its requests within it from 1. The zero RequestID stands for the writer
// itself, which ends overdue sessions without being asked.
type RequestID struct {
	Member, Incarnation, Number uint64
}

// An Owner is the connection that a session belongs to: the member it is attached to, and a
// generation that grows with every attachment. The zero Owner in a [Request] is not checked.
type Owner struct {
	Member     uint64
	Generation int64
}

// An OpKind says what an [Op] asks for.
type OpKind uint8

// The kinds of operations. Those up to OpReap are ZooKeeper's.
const (
	OpCreate         OpKind = iota + 1 // Path, Data, ACL, Node, Sequential, TTL, Parents, Protected, Twin, Rest
	OpDelete                           // Path, Version, Czxid, Own
	OpSetData                          // Path, Data, Version, Czxid, Own
	OpSetACL                           // Path, ACL, Version (compared with the znode's aversion)
	OpCheck                            // Path, Version
	OpReap                             // Path; deletes an empty container or a lapsed TTL znode; not for clients
	OpVacant                           // Path, Shared; refused with ErrHeld while a contender stands under Path that a new one would wait for
	OpOpen                             // Session: the new session's record
	OpMove                             // Session.ID, Session.Owner, Session.TTL (0 keeps it)
	OpClose                            // closes Session.ID, or the request's session when that is 0
	OpFence                            // Path: the fence's name, Czxid: the token
	OpHeld                             // Path: the lock's directory, Czxid: the token; refused with ErrNotHolder unless a contender of that token holds there
	OpDowngrade                        // Path: a writer of the request's session that holds, Czxid; a reader takes its place, with its czxid
	OpHandOver                         // Path: the queue's directory, Czxid: the token of its head, which the request's session has, Heir: the token of who is to be its head
	OpReady                            // Path, Version, Data, ACL: created once its parent has Version children; with Version 0 deleted where it is the only one left; with -1 refused where it stands
	OpAcquirePermits                   // Path: the semaphore, Permits, Data, ACL, Protected; answered with the first permit, or the place in the queue
	OpReleasePermits                   // Path, Protected, Version, Czxid, Note, Session.ID: whose (0: the request's session)
	OpSetPermits                       // Path, Permits.Limit
)

// An Op is one operation of a [Request].
type Op struct {
	Kind       OpKind
	Node       Kind
	Sequential bool
	Parents    bool  // create missing ancestors, as containers open to all
	Twin       bool  // of a lock's Sequential, Protected create: give it the second name that kazoo looks at, too; refused with ErrBadArguments for others, and with ErrNodeExists for a repeated create whose first one had no twin
	Own        bool  // of OpDelete, OpSetData: only a znode of the request's session
	Shared     bool  // of OpVacant: for a reader, who waits for exclusive contenders only
	Version    int32 // -1 matches any
	Path       string
	Data       []byte // nil is ZooKeeper's null, which is not the same as empty
	ACL        []ACL  // nil is refused with ErrInvalidACL, as ZooKeeper does
	TTL        int64  // of a TTL znode, in milliseconds
	Protected  string // 36-character id: if the session already owns a child of Path's parent whose name starts with "_c_"+Protected+"-", answer with that one
	Czxid      int64  // of OpDelete, OpSetData, OpDowngrade: only the incarnation of the znode that this zxid created; 0: any
	Rest       int64  // of an ephemeral contender: for so many milliseconds after its session has expired while it held, it stays, and keeps others waiting; 0: not at all
	Session    Session
	Note       string // of OpDelete and OpReleasePermits: why, for those who look on
	Heir       int64  // of OpHandOver
	Permits    SemaphoreOp
}

// A Request is one or more operations that happen together, at one zxid, or not at all.
type Request struct {
	ID      RequestID
	Session SessionID    // whose request it is; 0: nobody's
	Owner   Owner        // the connection it came over; zero: not checked
	Auth    []Credential // whom ACLs are checked against; nobody's requests are checked too
	Ops     []Op
}

// A Session is a session's record in the log.
type Session struct {
	ID      SessionID
	TTL     time.Duration // granted
	Owner   Owner
	OneShot bool              // made for one hold, and closed with it
	Labels  map[string]string // who it is: host, pid, name; never changed after the open
	Opened  int64             // when, in milliseconds since 1970, by the writer's clock
	Czxid   int64             // zxid of its open
}

// Foreign reports whether the session came in by ZooKeeper's protocol.
func (s *Session) Foreign() bool { return s.Labels["door"] == "zookeeper" }
