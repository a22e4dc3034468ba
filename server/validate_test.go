package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultConfigIsValid(t *testing.T) {
	cfg := DefaultConfig()
	if err := cfg.Validate(); err != nil {
		t.Errorf("Validate() = %v", err)
	}
}

// TestValidate changes one thing of a good configuration; the error begins with the flag.
func TestValidate(t *testing.T) {
	tls := TLS{CertFile: "c", KeyFile: "k", CAFile: "a"}
	for _, tc := range []struct {
		name   string
		change func(c *Config)
		flag   string // empty: still good
	}{
		{"doors off", func(c *Config) { c.HTTPListen, c.ZooKeeperListen = Off, Off }, ""},
		{"free port", func(c *Config) { c.HTTPListen = "127.0.0.1:0" }, ""},
		{"all addresses", func(c *Config) { c.HTTPListen = ":7070" }, ""},
		{"IPv6 loopback", func(c *Config) { c.ClientListen = "[::1]:2379" }, ""},
		{"off loopback with TLS", func(c *Config) { c.ClientListen, c.TLS = "10.0.0.1:2379", tls }, ""},
		{"off loopback in the open", func(c *Config) { c.PeerListen, c.InsecureClientListen = "10.0.0.1:2380", true }, ""},
		{"wildcard, advertised", func(c *Config) {
			c.ClientListen, c.AdvertiseClient, c.TLS = "0.0.0.0:2379", "a.example:2379", tls
		}, ""},
		{"cluster", func(c *Config) {
			c.InitialCluster = map[string]string{"member1": "http://127.0.0.1:2380", "b": "http://127.0.0.1:3380"}
		}, ""},
		{"cluster without schemes", func(c *Config) {
			c.InitialCluster = map[string]string{"member1": "127.0.0.1:2380", "b": "127.0.0.1:3380"}
		}, ""},
		{"join", func(c *Config) { c.Join = "http://127.0.0.1:2379, 10.0.0.1:2379" }, ""},

		{"no name", func(c *Config) { c.Name = "" }, "name"},
		{"name with a comma", func(c *Config) { c.Name = "a,b" }, "name"},
		{"no data directory", func(c *Config) { c.DataDir = "" }, "data-dir"},
		{"no port", func(c *Config) { c.HTTPListen = "127.0.0.1" }, "http-listen"},
		{"port too high", func(c *Config) { c.ZooKeeperListen = "127.0.0.1:70000" }, "zookeeper-listen"},
		{"client off", func(c *Config) { c.ClientListen = Off }, "client-listen"},
		{"client port 0", func(c *Config) { c.ClientListen = "127.0.0.1:0" }, "client-listen"},
		{"client by name", func(c *Config) { c.ClientListen, c.TLS = "a.example:2379", tls }, "client-listen"},
		{"client plain off loopback", func(c *Config) { c.ClientListen = "10.0.0.1:2379" }, "client-listen"},
		{"wildcard, not advertised", func(c *Config) { c.PeerListen, c.TLS = ":2380", tls }, "peer-listen"},
		{"two on one address", func(c *Config) { c.PeerListen = c.ClientListen }, "peer-listen"},
		{"advertised wildcard", func(c *Config) { c.AdvertisePeer = "0.0.0.0:1" }, "advertise-peer"},
		{"advertised port 0", func(c *Config) { c.AdvertiseClient = "h:0" }, "advertise-client"},
		{"cluster without itself", func(c *Config) { c.InitialCluster = map[string]string{"b": "http://h:1"} }, "initial-cluster"},
		{"cluster elsewhere", func(c *Config) { c.InitialCluster = map[string]string{"member1": "http://h:1"} }, "initial-cluster"},
		{"cluster with a path", func(c *Config) {
			c.InitialCluster = map[string]string{"member1": "http://127.0.0.1:2380", "b": "http://h:1/x"}
		}, "initial-cluster"},
		{"cluster half secure", func(c *Config) {
			c.InitialCluster = map[string]string{"member1": "http://127.0.0.1:2380", "b": "https://h:1"}
		}, "initial-cluster"},
		{"join nowhere", func(c *Config) { c.Join = "h" }, "join"},
		{"half of TLS", func(c *Config) { c.TLS.CertFile, c.TLS.KeyFile = "c", "k" }, "tls-ca-file"},
		{"heartbeat", func(c *Config) { c.Heartbeat = 0 }, "heartbeat"},
		{"election", func(c *Config) { c.Election = 2 * c.Heartbeat }, "election"},
		{"limit of nothing", func(c *Config) { c.Limits.MaxInFlight = 0 }, "max-in-flight"},
		{"time of nothing", func(c *Config) { c.Limits.WriteTimeout = 0 }, "write-timeout"},
		{"read before request", func(c *Config) { c.Limits.ReadTimeout = c.Limits.RequestTimeout + c.Limits.HeaderTimeout }, "read-timeout"},
		{"TTLs crossed", func(c *Config) { c.Limits.MaxTTL = c.Limits.MinTTL - time.Second }, "min-ttl"},
		{"ZooKeeper timeouts crossed", func(c *Config) { c.ZooKeeper.MinSessionTimeout = c.ZooKeeper.MaxSessionTimeout + 1 }, "zookeeper-min-session-timeout"},
		{"ZooKeeper timeout too short", func(c *Config) { c.ZooKeeper.MinSessionTimeout = time.Second }, "zookeeper-min-session-timeout"},
		{"ZooKeeper buffer too large", func(c *Config) { c.ZooKeeper.MaxBufferBytes = 1 << 30 }, "zookeeper-max-buffer-bytes"},
		{"ZooKeeper connections below none", func(c *Config) { c.ZooKeeper.MaxClientCnxns = -1 }, "zookeeper-max-client-cnxns"},
		{"no such word", func(c *Config) { c.ZooKeeper.Words = "ruok,what" }, "zookeeper-4lw-whitelist"},
		{"negative watermark", func(c *Config) { c.Limits.MinFreeDisk = -1 }, "min-free-disk"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := DefaultConfig()
			tc.change(&cfg)
			err := cfg.Validate()
			switch {
			case tc.flag == "" && err != nil:
				t.Errorf("Validate() = %v; want nil", err)
			case tc.flag != "" && (err == nil || !strings.HasPrefix(err.Error(), "--"+tc.flag+": ") || strings.Contains(err.Error(), "\n")):
				t.Errorf("Validate() = %v; want one problem of --%s", err, tc.flag)
			}
		})
	}
}

func TestURLs(t *testing.T) {
	cfg := DefaultConfig()
	cfg.TLS = TLS{CertFile: "c", KeyFile: "k", CAFile: "a"}
	cfg.AdvertisePeer = "a.example:2380"
	cfg.InitialCluster = map[string]string{"member1": "a.example:2380", "b": "https://b.example:2380"}
	got := []any{cfg.ClientURL(), cfg.AdvertiseClientURL(), cfg.PeerURL(), cfg.AdvertisePeerURL(), cfg.ClusterURLs()}
	want := []any{
		"https://127.0.0.1:2379", "https://127.0.0.1:2379", "https://127.0.0.1:2380", "https://a.example:2380",
		map[string]string{"member1": "https://a.example:2380", "b": "https://b.example:2380"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("URLs (-want +got):\n%s", diff)
	}
}

func TestOffLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		Off: false, "127.0.0.1:1": false, "localhost:1": false, "[::1]:1": false, "127.8.0.1:1": false,
		":1": true, "0.0.0.0:1": true, "10.0.0.1:1": true, "a.example:1": true,
	} {
		if got := OffLoopback(address); got != want {
			t.Errorf("OffLoopback(%q) = %v; want %v", address, got, want)
		}
	}
}

func TestLockDataDir(t *testing.T) {
	dir := t.TempDir() + "/a/b"
	release, err := LockDataDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	// flock belongs to the open file, so a second one of this process stands for another's.
	if _, err := LockDataDir(dir); !errors.Is(err, ErrDataDirInUse) {
		t.Errorf("LockDataDir of a locked directory = %v; want ErrDataDirInUse", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = LockDataDir(dir)
	if err != nil {
		t.Fatalf("LockDataDir after the release = %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}
