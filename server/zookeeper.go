package server

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/zkapi"
)

// ZooKeeper says how the ZooKeeper door treats its clients. Names in brackets are ZooKeeper's
// own, whose defaults these have.
type ZooKeeper struct {
	MinSessionTimeout time.Duration // --zookeeper-min-session-timeout [minSessionTimeout]: shorter ones are raised to it
	MaxSessionTimeout time.Duration // --zookeeper-max-session-timeout [maxSessionTimeout]: longer ones are lowered to it
	MaxClientCnxns    int           // --zookeeper-max-client-cnxns [maxClientCnxns]: connections of one address; 0: any number
	MaxBufferBytes    int           // --zookeeper-max-buffer-bytes [jute.maxbuffer]: of one request
	MaxOutstanding    int           // --zookeeper-max-outstanding: requests of one connection without an answer
	MaxUnsentBytes    int           // --zookeeper-max-unsent-bytes: that a client may leave unread before it is cut
	ConnectTimeout    time.Duration // --zookeeper-connect-timeout: a client may take to ask for a session
	Words             string        // --zookeeper-4lw-whitelist [4lw.commands.whitelist]: separated by commas; "*": all
	ContainerCheck    time.Duration // --zookeeper-container-check-interval [znode.container.checkIntervalMs]: how often empty containers and lapsed TTL znodes are removed
	EnforceQuota      bool          // --zookeeper-enforce-quota [enforceQuota]: refuse what a quota's hard limit forbids; the same at every member
	SuperDigestFile   string        // --zookeeper-super-digest-file [DigestAuthenticationProvider.superDigest]: holds super:digest; empty: nobody is super
}

// DefaultZooKeeper returns the settings of [DefaultConfig].
func DefaultZooKeeper() ZooKeeper {
	return ZooKeeper{
		MinSessionTimeout: 2 * zkapi.DefaultTickTime,
		MaxSessionTimeout: 20 * zkapi.DefaultTickTime,
		MaxClientCnxns:    zkapi.DefaultMaxClientCnxns,
		MaxBufferBytes:    zkapi.DefaultMaxBuffer,
		MaxOutstanding:    zkapi.DefaultMaxOutstanding,
		MaxUnsentBytes:    zkapi.DefaultMaxUnsent,
		ConnectTimeout:    zkapi.DefaultConnectTimeout,
		Words:             zkapi.DefaultWords,
		ContainerCheck:    store.DefaultContainerCheck,
	}
}

// mostBufferBytes is the longest request that a batch of the store surely takes.
const mostBufferBytes = 4 << 20

func (z *ZooKeeper) validate(bad report) {
	for _, n := range []struct {
		flag  string
		value int64
	}{
		{"zookeeper-max-buffer-bytes", int64(z.MaxBufferBytes)},
		{"zookeeper-max-outstanding", int64(z.MaxOutstanding)},
		{"zookeeper-max-unsent-bytes", int64(z.MaxUnsentBytes)},
		{"zookeeper-connect-timeout", int64(z.ConnectTimeout)},
		{"zookeeper-container-check-interval", int64(z.ContainerCheck)},
	} {
		if n.value <= 0 {
			bad(n.flag, "must be greater than 0")
		}
	}
	if z.MaxBufferBytes > mostBufferBytes {
		bad("zookeeper-max-buffer-bytes", "%d is more than the %d bytes that one change may have", z.MaxBufferBytes, mostBufferBytes)
	}
	if z.MaxClientCnxns < 0 {
		bad("zookeeper-max-client-cnxns", "must not be negative; 0 means any number")
	}
	if timeouts := []time.Duration{lease.MinTTL, z.MinSessionTimeout, z.MaxSessionTimeout, lease.MaxTTL}; !slices.IsSorted(timeouts) {
		bad("zookeeper-min-session-timeout", "%v and --zookeeper-max-session-timeout %v must lie in this order between %v and %v",
			z.MinSessionTimeout, z.MaxSessionTimeout, lease.MinTTL, lease.MaxTTL)
	}
	if _, err := zkapi.ParseWords(z.Words); err != nil {
		bad("zookeeper-4lw-whitelist", "%w", err)
	}
}

// superDigest reads the file, if there is one.
func (z *ZooKeeper) superDigest() (string, error) {
	if z.SuperDigestFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(z.SuperDigestFile)
	if err != nil {
		return "", fmt.Errorf("--zookeeper-super-digest-file: %w", err)
	}
	digest := strings.TrimSpace(string(b))
	if !strings.HasPrefix(digest, "super:") {
		return "", fmt.Errorf("--zookeeper-super-digest-file: %s does not hold super: and a digest", z.SuperDigestFile)
	}
	return digest, nil
}

// zkConfig is the part of the configuration that the ZooKeeper door sees.
func (m *member) zkConfig() (zkapi.Config, error) {
	z := &m.cfg.ZooKeeper
	digest, err := z.superDigest()
	if err != nil {
		return zkapi.Config{}, err
	}
	words, err := zkapi.ParseWords(z.Words)
	if err != nil {
		return zkapi.Config{}, err
	}
	connections := z.MaxClientCnxns
	if connections == 0 {
		connections = -1
	}
	return zkapi.Config{
		Logger:            m.log.With("component", "zookeeper"),
		MinSessionTimeout: z.MinSessionTimeout, MaxSessionTimeout: z.MaxSessionTimeout, MaxClientCnxns: connections,
		MaxBuffer: z.MaxBufferBytes, MaxUnsent: z.MaxUnsentBytes, MaxOutstanding: z.MaxOutstanding,
		ConnectTimeout: z.ConnectTimeout, SuperDigest: digest, Words: words, Version: m.cfg.Version,
		DataDir: m.cfg.DataDir, Listen: m.addresses.ZooKeeper, Mode: m.zkMode,
		Serving: func() bool { return m.healthNow().Quorum },
	}, nil
}

// zkMode is this member's place in the ensemble, in ZooKeeper's words.
func (m *member) zkMode() string {
	switch {
	case len(m.quorum.Members()) <= 1:
		return "standalone"
	case m.quorum.IsLeader():
		return "leader"
	}
	return "follower"
}
