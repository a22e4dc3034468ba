package server

import (
	"net"
	"strings"
)

// PeerURL returns where this member listens for the quorum's own traffic.
func (c *Config) PeerURL() string { return c.url(c.PeerListen) }

// ClientURL returns where this member listens for the other members' requests.
func (c *Config) ClientURL() string { return c.url(c.ClientListen) }

// AdvertisePeerURL returns what other members dial for the quorum's own traffic.
func (c *Config) AdvertisePeerURL() string {
	if c.AdvertisePeer != "" {
		return c.url(c.AdvertisePeer)
	}
	return c.PeerURL()
}

// AdvertiseClientURL returns what other members dial to reach the writer.
func (c *Config) AdvertiseClientURL() string {
	if c.AdvertiseClient != "" {
		return c.url(c.AdvertiseClient)
	}
	return c.ClientURL()
}

// ClusterURLs returns InitialCluster with a scheme before every address that has none. It is
// empty for a member that starts alone.
func (c *Config) ClusterURLs() map[string]string {
	urls := make(map[string]string, len(c.InitialCluster))
	for name, address := range c.InitialCluster {
		urls[name] = c.url(address)
	}
	return urls
}

// url puts the scheme before host:port; an address that has one already keeps it.
func (c *Config) url(address string) string {
	switch {
	case strings.Contains(address, "://"):
		return address
	case c.TLS.Enabled():
		return "https://" + address
	default:
		return "http://" + address
	}
}

// loopback reports whether host can only be reached from this machine. Names other than
// localhost are not looked up: what they mean may change after the check.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// wildcard reports whether host stands for every address of this machine, which nobody can dial.
func wildcard(host string) bool {
	if host == "" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
}

// OffLoopback reports whether a listen address can be reached from other machines.
func OffLoopback(address string) bool {
	if address == Off {
		return false
	}
	host, _, err := net.SplitHostPort(address)
	return err != nil || !loopback(host)
}
