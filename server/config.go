// Package server runs one member: it opens the quorum, the tree, the sessions, the locks and the
// doors in order, and closes them in the reverse.
package server

import (
	"log/slog"
	"time"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/value"
)

// Off, as a listen address, turns a door off.
const Off = "off"

// Config says what member to run. Start from [DefaultConfig]: the zero Config does not validate.
// Each field is set by the flag named in its comment. Durations of 0 and sizes of 0 in [Limits]
// are refused by [Config.Validate]; they never mean "without limit".
type Config struct {
	Name    string // --name: this member's name in its cluster; lives as long as the data directory
	DataDir string // --data-dir: everything the member keeps; made if missing

	HTTPListen      string // --http-listen: host:port of the REST door, or "off"; port 0 picks a free one
	ZooKeeperListen string // --zookeeper-listen: host:port of the ZooKeeper door, or "off"; port 0 picks a free one
	ClientListen    string // --client-listen: host:port where the other members reach the writer
	PeerListen      string // --peer-listen: host:port of the quorum's own traffic

	AdvertiseClient string // --advertise-client: host:port that others dial; empty: ClientListen
	AdvertisePeer   string // --advertise-peer: host:port that others dial; empty: PeerListen

	InitialCluster map[string]string // --initial-cluster: name to peer URL, this member included; empty: alone
	Join           string            // --join: client addresses of a running cluster, separated by commas; empty: none

	Heartbeat time.Duration // --heartbeat: between the leader's signs of life
	Election  time.Duration // --election: silence after which a follower stands for election

	// DrainDelay is how long a member that is to stop goes on serving once /readyz says so, and
	// DrainTimeout how long its clients then have to go and its requests to finish. Neither is
	// waited for once Hurry, unless it is nil, is closed.
	DrainDelay   time.Duration   // --drain-delay; 0: not at all
	DrainTimeout time.Duration   // --drain-timeout
	Hurry        <-chan struct{} // closed when somebody cannot wait

	InsecureClientListen bool // --insecure-client-listen: allow plain text off loopback, on closed networks
	TLS                  TLS

	Limits    Limits
	ZooKeeper ZooKeeper

	Deadlocks string // --deadlocks: what becomes of a request that says nothing, whose wait would close a cycle: refuse, report or off

	Version string       // of the binary, told in the member's card and in /v1/status
	Logger  *slog.Logger // nil: nothing is logged
}

// TLS names the files that secure the client and the peer listener. Both sides of a connection
// show a certificate. The zero TLS means plain text.
type TLS struct {
	CertFile string // --tls-cert-file: PEM, for server and client authentication
	KeyFile  string // --tls-key-file: PEM
	CAFile   string // --tls-ca-file: PEM; who may connect
}

// Enabled reports whether any file is named.
func (t TLS) Enabled() bool { return t != TLS{} }

// Limits bound what clients can ask of a member. Above them they get a typed error, and nobody
// else waits. The flag of each is its name in lower case with dashes: --max-body-bytes.
type Limits struct {
	MaxBodyBytes      int // of one REST request
	MaxNameBytes      int // of a lock's or fence's name
	MaxTextBytes      int // of an owner or a reason, each
	MaxRequestIDBytes int // of a request id; its flag is --max-request-id-bytes
	MaxLabelBytes     int // of all labels of one session
	MaxMetadataBytes  int // of all metadata of one contender
	MaxConns          int // open connections of the REST door
	MaxInFlight       int // REST requests that do not wait
	MaxWaiting        int // REST requests held open for a lock
	MaxEventStreams   int // open event streams
	PageLimit         int // locks or sessions on one page of a list

	MaxStreams             int           // open streams
	MaxStreamInFlight      int           // requests of one stream that do not wait
	MaxStreamWaiting       int           // requests of one stream that wait for a lock
	MaxStreamSessions      int           // attached to one stream
	MaxStreamSubscriptions int           // to events, of one stream
	MaxStreamFrameBytes    int           // of one message of a stream, either way
	MaxStreamUnsentBytes   int           // of a stream whose client does not read
	StreamSilence          time.Duration // a stream may be silent before it is cut

	MaxSessions int // alive in the cluster
	MaxWaiters  int // in the queue of one lock
	MaxPermits  int // of a semaphore, asked for by one request
	MaxNames    int // of locks, in one request for several
	MaxEntries  int // how often one owner can take a reentrant lock that it has

	MaxLockDelay time.Duration // for which a lock can rest after its holder's session has expired

	MaxParticipants int           // of one double barrier
	MaxValueBytes   int           // of the data of one znode, written over REST or a stream
	DeadlockSearch  int           // --deadlock-search-limit: contenders that one search for a cycle looks at
	DeadlockReport  time.Duration // --deadlock-report-after: a wait lasts so long before it may be reported

	MinTTL time.Duration // shorter TTLs are raised to it; at least 2s
	MaxTTL time.Duration // longer TTLs are lowered to it; at most 1h

	MaxWait        time.Duration // one REST request may wait for a lock
	RequestTimeout time.Duration // one request may take that does not wait
	HeaderTimeout  time.Duration // a client may take to send its request's header
	ReadTimeout    time.Duration // a client may take to send a whole request; longer than RequestTimeout and HeaderTimeout together
	WriteTimeout   time.Duration // a client may take to read one answer or event
	IdleTimeout    time.Duration // a connection may rest between two requests
	EventHeartbeat time.Duration // between the comments of a silent event stream

	MinFreeDisk      int64 // bytes free on the data directory's disk; below, what takes space is refused
	MaxDatabaseBytes int64 // bytes in use in the database; above, what takes space is refused
}

// DefaultConfig returns the configuration of a member that runs alone and listens on loopback.
func DefaultConfig() Config {
	return Config{
		Name:            "member1",
		DataDir:         "./lockkeeper-data",
		HTTPListen:      "127.0.0.1:7070",
		ZooKeeperListen: "127.0.0.1:2181",
		ClientListen:    "127.0.0.1:2379",
		PeerListen:      "127.0.0.1:2380",
		Heartbeat:       100 * time.Millisecond,
		Election:        time.Second,
		DrainTimeout:    10 * time.Second,
		Limits:          DefaultLimits(),
		ZooKeeper:       DefaultZooKeeper(),
		Deadlocks:       string(lock.DeadlockRefuse),
		Version:         "dev",
	}
}

// DefaultLimits returns the limits of [DefaultConfig].
func DefaultLimits() Limits {
	return Limits{
		MaxBodyBytes:      64 << 10,
		MaxNameBytes:      1024,
		MaxTextBytes:      1024,
		MaxRequestIDBytes: 128,
		MaxLabelBytes:     4 << 10,
		MaxMetadataBytes:  8 << 10,
		MaxConns:          10_000,
		MaxInFlight:       8192,
		MaxWaiting:        8192,
		MaxEventStreams:   256,
		PageLimit:         1000,

		MaxStreams:             4096,
		MaxStreamInFlight:      1024,
		MaxStreamWaiting:       4096,
		MaxStreamSessions:      10_000,
		MaxStreamSubscriptions: 16,
		MaxStreamFrameBytes:    256 << 10,
		MaxStreamUnsentBytes:   4 << 20,
		StreamSilence:          2 * time.Minute,

		MaxSessions:      lease.DefaultMaxSessions,
		MaxWaiters:       lock.DefaultMaxWaiters,
		MaxPermits:       lock.DefaultMaxPermits,
		MaxNames:         lock.DefaultMaxNames,
		MaxEntries:       lock.DefaultMaxEntries,
		MaxLockDelay:     lock.DefaultMaxLockDelay,
		DeadlockSearch:   lock.DefaultDeadlockSearch,
		DeadlockReport:   lock.DefaultDeadlockReport,
		MinTTL:           lease.MinTTL,
		MaxTTL:           lease.MaxTTL,
		MaxWait:          time.Hour,
		RequestTimeout:   10 * time.Second,
		HeaderTimeout:    5 * time.Second,
		ReadTimeout:      30 * time.Second,
		WriteTimeout:     15 * time.Second,
		IdleTimeout:      2 * time.Minute,
		EventHeartbeat:   15 * time.Second,
		MinFreeDisk:      512 << 20,
		MaxDatabaseBytes: 8 << 30,
		MaxParticipants:  barrier.DefaultMaxParticipants,
		MaxValueBytes:    value.DefaultMaxBytes,
	}
}
