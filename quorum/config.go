package quorum

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// What the zero values of [Config] stand for.
const (
	DefaultPeerURL       = "http://127.0.0.1:2380"
	DefaultClientURL     = "http://127.0.0.1:2379"
	DefaultHeartbeat     = 100 * time.Millisecond
	DefaultElection      = time.Second
	DefaultCompactEvery  = 5 * time.Second
	DefaultKeepRevisions = 10_000
)

// MaxTxnBytes is the largest transaction that [Member.Txn] takes, encoded.
const MaxTxnBytes = 32 << 20

// A Config says who a member is, where it listens and whom it joins. Name and DataDir must be
// set; every other zero value is useful. It is read once, by [Start].
type Config struct {
	// Name is the member's name, unique in the cluster; "default", commas and equal signs
	// are refused. It may differ from one start to the next.
	Name string

	// DataDir is the directory of the log and the database. It is made, readable only by
	// its owner, if it is missing. One process at a time may use it.
	DataDir string

	// PeerURL is where the member listens for its peers' raft traffic, ClientURL where it
	// listens for the services that Register adds. Both are http or https, an IP address
	// or localhost, and a port; without a scheme https is taken when the TLS files for it
	// are set, else http. Empty: DefaultPeerURL and DefaultClientURL.
	PeerURL, ClientURL string

	// AdvertisePeerURL and AdvertiseClientURL are what the other members dial. Empty: the
	// listen URL, which then must not be the unspecified address. The client URL stands in
	// the log and is published again at each start; the peer URL is fixed by the first.
	AdvertisePeerURL, AdvertiseClientURL string

	// PeerTLS and ClientTLS are the certificates of the two listeners and of the calls to
	// other members' ones. Both sides of a connection are checked against the CA file.
	// They are needed where the URL is https, and a URL off loopback must be https.
	PeerTLS, ClientTLS TLS

	// InsecureClientListen and InsecurePeerListen let the listener be plain off loopback:
	// for closed networks and network namespaces only, since whoever reaches it can change
	// everything. Each start logs a warning.
	InsecureClientListen, InsecurePeerListen bool

	// InitialCluster names the members of a new cluster and their peer URLs, this one
	// included; the same map at each of them. Empty: a new cluster of this member alone.
	// It is ignored once the data directory holds a member. Where the cluster has been founded
	// already, and has removed this member since, the member joins it.
	InitialCluster map[string]string

	// Join is a comma-separated list of client URLs, or host:port, of members of a running
	// cluster. The member asks one of them to be added as a learner, catches up, and is
	// then promoted to a voter. Like InitialCluster, which excludes it, it is ignored once
	// the data directory holds a member.
	Join string

	// Heartbeat is the raft tick, Election how long a follower hears nothing before it
	// campaigns: at least five heartbeats, at most 50 s. Both are cut to milliseconds and
	// should be the same at all members.
	Heartbeat, Election time.Duration

	// Register adds services to the gRPC server on ClientURL. It is called once, from
	// another goroutine, after the member has first met its quorum. Messages must be
	// protobuf ones: the server's codec takes no others. Nil adds none.
	Register func(*grpc.Server)

	// ServicePrefix lists what the listener serves besides gRPC health and joining: full
	// names of services, or of protobuf packages with all their services. Every other
	// call, etcd's own services included, is refused with PermissionDenied.
	ServicePrefix []string

	// Logger takes the member's log and etcd's, with the attribute component=etcd and
	// etcd's Info as Debug. Nil discards both.
	Logger *slog.Logger

	// CompactEvery is how often the leader drops old revisions, KeepRevisions how many it
	// keeps: a reader further behind gets a gap. Zero: the defaults.
	CompactEvery  time.Duration
	KeepRevisions int64

	// NoFsync skips every fsync. A crash of the machine then loses data: tests only.
	NoFsync bool
}

// TLS names the files, PEM encoded, of one listener's certificates. Empty means no TLS;
// otherwise all three are needed.
type TLS struct {
	CertFile string // the member's certificate, for serving and for dialling
	KeyFile  string // its key
	CAFile   string // what signed the certificates of all members
}

// Empty reports whether no file is named.
func (t TLS) Empty() bool { return t == TLS{} }

func (t TLS) validate() error {
	if t.Empty() || t.CertFile != "" && t.KeyFile != "" && t.CAFile != "" {
		return nil
	}
	return errors.New(tlsFlags + " must be set together")
}

// Validate reports the first thing that is wrong with c and the flag that would change it.
func (c *Config) Validate() error {
	_, err := c.resolve()
	return err
}

// checkIdentity checks all that is not an address.
func (c *Config) checkIdentity() error {
	switch {
	case c.Name == "":
		return errors.New("--name must be set")
	case c.Name == "default" || strings.ContainsAny(c.Name, ",="):
		return fmt.Errorf("--name %q: must not be \"default\" nor contain a comma or equal sign", c.Name)
	case c.DataDir == "":
		return errors.New("--data-dir must be set")
	case c.Join != "" && len(c.InitialCluster) > 0:
		return errors.New("--join and --initial-cluster exclude each other")
	case c.CompactEvery < 0:
		return fmt.Errorf("CompactEvery %v: must not be negative", c.CompactEvery)
	case c.KeepRevisions < 0:
		return fmt.Errorf("KeepRevisions %d: must not be negative", c.KeepRevisions)
	}
	heartbeat, election := orDefault(c.Heartbeat, DefaultHeartbeat), orDefault(c.Election, DefaultElection)
	switch {
	case heartbeat < time.Millisecond:
		return fmt.Errorf("--heartbeat %v: must be 1ms or more", heartbeat)
	case election < 5*heartbeat:
		return fmt.Errorf("--election %v: must be at least five times --heartbeat (%v)", election, heartbeat)
	case election > 50*time.Second:
		return fmt.Errorf("--election %v: must be 50s or less", election)
	}
	for _, p := range c.ServicePrefix {
		if p == "" || reservedService(p) {
			return fmt.Errorf("service prefix %q would open etcd's own services", p)
		}
	}
	if err := c.PeerTLS.validate(); err != nil {
		return err
	}
	return c.ClientTLS.validate()
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
