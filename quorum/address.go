package quorum

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// resolved is a checked Config with its addresses parsed and its defaults filled in.
type resolved struct {
	Config
	peerListen, peerAdvertise     *url.URL
	clientListen, clientAdvertise *url.URL
	join                          []*url.URL
}

// A door is one of the two listeners, for messages.
type door struct {
	flag, advertiseFlag string
}

var (
	peerDoor   = door{"--peer-listen", "--advertise-peer"}
	clientDoor = door{"--client-listen", "--advertise-client"}
)

// tlsFlags names the files of TLS, for messages.
const tlsFlags = "--tls-cert-file, --tls-key-file and --tls-ca-file"

func (c *Config) resolve() (*resolved, error) {
	if err := c.checkIdentity(); err != nil {
		return nil, err
	}
	r := &resolved{Config: *c}
	r.Heartbeat = orDefault(c.Heartbeat, DefaultHeartbeat)
	r.Election = orDefault(c.Election, DefaultElection)
	r.CompactEvery = orDefault(c.CompactEvery, DefaultCompactEvery)
	r.KeepRevisions = orDefault(c.KeepRevisions, DefaultKeepRevisions)

	var err error
	r.peerListen, r.peerAdvertise, err = peerDoor.resolve(orDefault(c.PeerURL, DefaultPeerURL), c.AdvertisePeerURL, c.PeerTLS, c.InsecurePeerListen)
	if err != nil {
		return nil, err
	}
	r.clientListen, r.clientAdvertise, err = clientDoor.resolve(orDefault(c.ClientURL, DefaultClientURL), c.AdvertiseClientURL, c.ClientTLS, c.InsecureClientListen)
	if err != nil {
		return nil, err
	}
	if !isLoopback(r.peerAdvertise.Hostname()) && isLoopback(r.clientAdvertise.Hostname()) {
		return nil, fmt.Errorf("--client-listen or --advertise-client must name an address that other members reach: %v is theirs too", r.clientAdvertise)
	}
	for _, addr := range splitList(c.Join) {
		u, err := parseAddress("--join", addr, c.ClientTLS)
		if err != nil {
			return nil, err
		}
		r.join = append(r.join, u)
	}
	return r, r.checkInitialCluster()
}

func (r *resolved) checkInitialCluster() error {
	if len(r.InitialCluster) == 0 {
		return nil
	}
	for name, addr := range r.InitialCluster {
		u, err := parseAddress("--initial-cluster", addr, r.PeerTLS)
		if err != nil {
			return err
		}
		if name == "" || strings.ContainsAny(name, ",=") {
			return fmt.Errorf("--initial-cluster: %q is not a member's name", name)
		}
		if name == r.Name && u.String() != r.peerAdvertise.String() {
			return fmt.Errorf("--initial-cluster gives %q the address %v, but --advertise-peer is %v", name, u, r.peerAdvertise)
		}
	}
	if _, ok := r.InitialCluster[r.Name]; !ok {
		return fmt.Errorf("--initial-cluster does not name this member, %q", r.Name)
	}
	return nil
}

// initialCluster is the bootstrap list of a new cluster in etcd's notation.
func (r *resolved) initialCluster() string {
	if len(r.InitialCluster) == 0 {
		return r.Name + "=" + r.peerAdvertise.String()
	}
	var list []string
	for name, addr := range r.InitialCluster {
		u, err := parseAddress("--initial-cluster", addr, r.PeerTLS)
		if err == nil { // checked by resolve
			list = append(list, name+"="+u.String())
		}
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

func (d door) resolve(listen, advertise string, tls TLS, insecure bool) (l, a *url.URL, err error) {
	if l, err = parseAddress(d.flag, listen, tls); err != nil {
		return nil, nil, err
	}
	host := l.Hostname()
	ip := net.ParseIP(host)
	if ip == nil && host != "localhost" {
		return nil, nil, fmt.Errorf("%s %v: must be an IP address or localhost", d.flag, l)
	}
	if !isLoopback(host) && l.Scheme != "https" && !insecure {
		return nil, nil, fmt.Errorf("%s %v is off loopback and not https: set "+tlsFlags+", or, in a closed network, --insecure-client-listen", d.flag, l)
	}
	if l.Scheme == "https" && tls.Empty() {
		return nil, nil, fmt.Errorf("%s %v needs "+tlsFlags, d.flag, l)
	}
	if advertise == "" {
		if ip != nil && ip.IsUnspecified() {
			return nil, nil, fmt.Errorf("%s must be set: other members cannot dial %v", d.advertiseFlag, l)
		}
		return l, l, nil
	}
	if a, err = parseAddress(d.advertiseFlag, advertise, tls); err != nil {
		return nil, nil, err
	}
	if a.Scheme != l.Scheme {
		return nil, nil, fmt.Errorf("%s %v and %s %v must have the same scheme", d.flag, l, d.advertiseFlag, a)
	}
	return l, a, nil
}

// parseAddress reads a URL, or host:port, of a listener with the TLS files tls.
func parseAddress(flag, s string, tls TLS) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		if tls.Empty() {
			s = "http://" + s
		} else {
			s = "https://" + s
		}
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s %q: the scheme must be http or https", flag, s)
	}
	if u.Hostname() == "" || u.Port() == "" || u.Port() == "0" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%s %q: must be scheme://host:port and nothing else", flag, s)
	}
	u.Path = ""
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func splitList(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
