package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// Validate returns every problem it finds, joined; each begins with the flag to change. It looks
// at nothing outside c: whether a port is free or a directory writable shows in [Run].
func (c *Config) Validate() error {
	var errs []error
	bad := func(flag, format string, args ...any) {
		errs = append(errs, fmt.Errorf("--%s: "+format, append([]any{flag}, args...)...))
	}
	if c.Name == "" || c.Name == "default" || strings.ContainsAny(c.Name, "/,= \t\n") {
		bad("name", "%q is not a member name; use letters, digits, dots and dashes, and not the word default", c.Name)
	}
	if c.DataDir == "" {
		bad("data-dir", "is empty; name the directory to keep data in")
	}
	c.validateListeners(bad)
	c.validateCluster(bad)
	c.validateTLS(bad)
	if c.Heartbeat < 10*time.Millisecond {
		bad("heartbeat", "%v is too short; use at least 10ms, 100ms is usual", c.Heartbeat)
	}
	if c.Election < 5*c.Heartbeat || c.Election > 50*time.Second {
		bad("election", "%v does not fit; use at least five times --heartbeat (%v) and at most 50s", c.Election, c.Heartbeat)
	}
	if c.DrainDelay < 0 {
		bad("drain-delay", "%v is negative; use 0 where nobody has to notice first", c.DrainDelay)
	}
	if c.DrainTimeout <= 0 {
		bad("drain-timeout", "%v is no time; 10s is usual", c.DrainTimeout)
	}
	switch lock.DeadlockMode(c.Deadlocks) {
	case lock.DeadlockRefuse, lock.DeadlockReport, lock.DeadlockOff:
	default:
		bad("deadlocks", "%q is not known; use refuse, report or off", c.Deadlocks)
	}
	c.Limits.validate(bad)
	c.ZooKeeper.validate(bad)
	return errors.Join(errs...)
}

type report func(flag, format string, args ...any)

func (c *Config) validateListeners(bad report) {
	type listener struct {
		flag, address  string
		off, any, open bool // may be off; may have port 0; may be plain text off loopback
		advertise      string
	}
	seen := map[string]string{}
	for _, l := range []listener{
		{flag: "http-listen", address: c.HTTPListen, off: true, any: true, open: true, advertise: "-"},
		{flag: "zookeeper-listen", address: c.ZooKeeperListen, off: true, any: true, open: true, advertise: "-"},
		{flag: "client-listen", address: c.ClientListen, advertise: c.AdvertiseClient},
		{flag: "peer-listen", address: c.PeerListen, advertise: c.AdvertisePeer},
	} {
		if l.address == Off {
			if !l.off {
				bad(l.flag, "cannot be off: members need it")
			}
			continue
		}
		host, port, err := splitAddress(l.address)
		switch {
		case err != nil:
			bad(l.flag, "%q %w", l.address, err)
			continue
		case port == 0 && !l.any:
			bad(l.flag, "%q has port 0, which others cannot dial; choose a port", l.address)
		case !l.open && host != "" && host != "localhost" && net.ParseIP(host) == nil:
			bad(l.flag, "%q has a name to listen on; give an IP address, and the name with --advertise-%s",
				l.address, strings.TrimSuffix(l.flag, "-listen"))
			continue
		case wildcard(host) && l.advertise == "":
			bad(l.flag, "%q listens on every address, none of which others can dial; give one with --advertise-%s",
				l.address, strings.TrimSuffix(l.flag, "-listen"))
		}
		if !l.open && !loopback(host) && !c.TLS.Enabled() && !c.InsecureClientListen {
			bad(l.flag, "%q can be reached from other machines and has no TLS; give --tls-cert-file, --tls-key-file and --tls-ca-file, "+
				"or --insecure-client-listen on a network that only the members can reach", l.address)
		}
		if other, taken := seen[l.address]; taken && port != 0 {
			bad(l.flag, "%q is the address of --%s too; choose another", l.address, other)
		}
		seen[l.address] = l.flag
	}
	for _, a := range []struct{ flag, address string }{
		{"advertise-client", c.AdvertiseClient}, {"advertise-peer", c.AdvertisePeer},
	} {
		if a.address == "" {
			continue
		}
		if host, port, err := splitAddress(a.address); err != nil {
			bad(a.flag, "%q %w", a.address, err)
		} else if port == 0 || wildcard(host) {
			bad(a.flag, "%q cannot be dialled; give a host and a port", a.address)
		}
	}
}

func (c *Config) validateCluster(bad report) {
	if len(c.InitialCluster) > 0 && c.Join != "" {
		bad("join", "cannot go with --initial-cluster; give --join to a member that comes to a running cluster, --initial-cluster to those that found one")
	}
	for name, address := range c.ClusterURLs() {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			bad("initial-cluster", "%q of member %q is not a peer URL; write name=http://host:port", address, name)
			continue
		}
		if (u.Scheme == "https") != c.TLS.Enabled() {
			bad("initial-cluster", "%q of member %q and the --tls-… flags disagree; use https with TLS and http without", address, name)
		}
	}
	if len(c.InitialCluster) > 0 {
		switch own, ok := c.ClusterURLs()[c.Name]; {
		case !ok:
			bad("initial-cluster", "does not name this member %q (--name); every member is listed, itself included", c.Name)
		case own != c.AdvertisePeerURL():
			bad("initial-cluster", "has %s for this member, which is at %s; change it, --peer-listen or --advertise-peer", own, c.AdvertisePeerURL())
		}
	}
	if c.Join == "" {
		return
	}
	for address := range strings.SplitSeq(c.Join, ",") {
		bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(address), "http://"), "https://")
		if _, _, err := splitAddress(bare); err != nil {
			bad("join", "%q %w", address, err)
		}
	}
}

func (c *Config) validateTLS(bad report) {
	if !c.TLS.Enabled() {
		return
	}
	for _, f := range []struct{ flag, file string }{
		{"tls-cert-file", c.TLS.CertFile}, {"tls-key-file", c.TLS.KeyFile}, {"tls-ca-file", c.TLS.CAFile},
	} {
		if f.file == "" {
			bad(f.flag, "is missing; TLS between members needs certificate, key and CA")
		}
	}
}

func (l *Limits) validate(bad report) {
	for _, n := range []struct {
		flag  string
		value int64
	}{
		{"max-body-bytes", int64(l.MaxBodyBytes)},
		{"max-name-bytes", int64(l.MaxNameBytes)},
		{"max-text-bytes", int64(l.MaxTextBytes)},
		{"max-request-id-bytes", int64(l.MaxRequestIDBytes)},
		{"max-label-bytes", int64(l.MaxLabelBytes)},
		{"max-metadata-bytes", int64(l.MaxMetadataBytes)},
		{"max-conns", int64(l.MaxConns)},
		{"max-in-flight", int64(l.MaxInFlight)},
		{"max-waiting", int64(l.MaxWaiting)},
		{"max-event-streams", int64(l.MaxEventStreams)},
		{"max-streams", int64(l.MaxStreams)},
		{"max-stream-in-flight", int64(l.MaxStreamInFlight)},
		{"max-stream-waiting", int64(l.MaxStreamWaiting)},
		{"max-stream-sessions", int64(l.MaxStreamSessions)},
		{"max-stream-subscriptions", int64(l.MaxStreamSubscriptions)},
		{"max-stream-frame-bytes", int64(l.MaxStreamFrameBytes)},
		{"max-stream-unsent-bytes", int64(l.MaxStreamUnsentBytes)},
		{"stream-silence", int64(l.StreamSilence)},
		{"page-limit", int64(l.PageLimit)},
		{"max-sessions", int64(l.MaxSessions)},
		{"max-waiters", int64(l.MaxWaiters)},
		{"max-permits", int64(l.MaxPermits)},
		{"max-lock-names", int64(l.MaxNames)},
		{"max-reentrant", int64(l.MaxEntries)},
		{"max-lock-delay", int64(l.MaxLockDelay)},
		{"deadlock-search-limit", int64(l.DeadlockSearch)},
		{"deadlock-report-after", int64(l.DeadlockReport)},
		{"max-database-bytes", l.MaxDatabaseBytes},
		{"max-wait", int64(l.MaxWait)},
		{"request-timeout", int64(l.RequestTimeout)},
		{"header-timeout", int64(l.HeaderTimeout)},
		{"read-timeout", int64(l.ReadTimeout)},
		{"write-timeout", int64(l.WriteTimeout)},
		{"idle-timeout", int64(l.IdleTimeout)},
		{"event-heartbeat", int64(l.EventHeartbeat)},
		{"min-free-disk", l.MinFreeDisk},
		{"max-participants", int64(l.MaxParticipants)},
		{"max-value-bytes", int64(l.MaxValueBytes)},
	} {
		if n.value <= 0 {
			bad(n.flag, "must be greater than 0")
		}
	}
	if l.ReadTimeout <= l.RequestTimeout+l.HeaderTimeout {
		bad("read-timeout", "%v must be longer than --request-timeout (%v) and --header-timeout (%v) together", l.ReadTimeout, l.RequestTimeout, l.HeaderTimeout)
	}
	ttls := []time.Duration{lease.MinTTL, l.MinTTL, l.MaxTTL, lease.MaxTTL}
	if !slices.IsSortedFunc(ttls, cmp.Compare[time.Duration]) {
		bad("min-ttl", "%v and --max-ttl %v must lie in this order between %v and %v", l.MinTTL, l.MaxTTL, lease.MinTTL, lease.MaxTTL)
	}
}

// splitAddress reads host:port. Its error completes a sentence that begins with the address.
func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, errors.New("is not host:port")
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, errors.New("has no port between 0 and 65535")
	}
	return host, port, nil
}
