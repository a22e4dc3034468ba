package quorum_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/quorum"
)

func TestValidate(t *testing.T) {
	files := quorum.TLS{CertFile: "c", KeyFile: "k", CAFile: "a"}
	for _, tt := range []struct {
		name string
		set  func(*quorum.Config)
		want string // part of the error; empty: none
	}{
		{"defaults", func(*quorum.Config) {}, ""},
		{"no name", func(c *quorum.Config) { c.Name = "" }, "--name"},
		{"name with comma", func(c *quorum.Config) { c.Name = "a,b" }, "--name"},
		{"no data directory", func(c *quorum.Config) { c.DataDir = "" }, "--data-dir"},
		{"bare addresses", func(c *quorum.Config) { c.PeerURL, c.ClientURL = "127.0.0.1:1", "[::1]:2" }, ""},
		{"no port", func(c *quorum.Config) { c.PeerURL = "127.0.0.1" }, "--peer-listen"},
		{"port 0", func(c *quorum.Config) { c.ClientURL = "127.0.0.1:0" }, "--client-listen"},
		{"host name to listen on", func(c *quorum.Config) { c.PeerURL = "https://example.org:1"; c.PeerTLS = files }, "--peer-listen"},
		{"strange scheme", func(c *quorum.Config) { c.ClientURL = "ftp://127.0.0.1:1" }, "--client-listen"},
		{"client off loopback", func(c *quorum.Config) { c.ClientURL = "10.0.0.1:1" }, "--insecure-client-listen"},
		{"client off loopback, opted out", func(c *quorum.Config) { c.ClientURL = "10.0.0.1:1"; c.InsecureClientListen = true }, ""},
		{"client off loopback, TLS", func(c *quorum.Config) { c.ClientURL = "10.0.0.1:1"; c.ClientTLS = files }, ""},
		{"client off loopback, http despite TLS", func(c *quorum.Config) { c.ClientURL = "http://10.0.0.1:1"; c.ClientTLS = files }, "--client-listen"},
		{"unspecified without advertised", func(c *quorum.Config) { c.ClientURL = "0.0.0.0:1"; c.ClientTLS = files }, "--advertise-client"},
		{"unspecified with advertised", func(c *quorum.Config) {
			c.ClientURL, c.AdvertiseClientURL, c.ClientTLS = "0.0.0.0:1", "lock1.example.org:1", files
		}, ""},
		{"schemes differ", func(c *quorum.Config) { c.AdvertiseClientURL = "https://127.0.0.1:1" }, "--advertise-client"},
		{"peer off loopback, client not told", func(c *quorum.Config) { c.PeerURL = "10.0.0.1:1"; c.PeerTLS = files }, "--client-listen"},
		{"peer off loopback", func(c *quorum.Config) { c.PeerURL = "10.0.0.1:1" }, "--insecure-client-listen"},
		{"both off loopback", func(c *quorum.Config) {
			c.PeerURL, c.ClientURL, c.PeerTLS, c.ClientTLS = "10.0.0.1:1", "10.0.0.1:2", files, files
		}, ""},
		{"key missing", func(c *quorum.Config) { c.PeerTLS = quorum.TLS{CertFile: "c", CAFile: "a"} }, "--tls-key-file"},
		{"https without files", func(c *quorum.Config) { c.ClientURL = "https://127.0.0.1:1" }, "--tls-cert-file"},
		{"cluster", func(c *quorum.Config) {
			c.InitialCluster = map[string]string{"m1": quorum.DefaultPeerURL, "m2": "127.0.0.1:9"}
		}, ""},
		{"cluster without self", func(c *quorum.Config) { c.InitialCluster = map[string]string{"m2": "127.0.0.1:9"} }, "--initial-cluster"},
		{"cluster with another address of self", func(c *quorum.Config) { c.InitialCluster = map[string]string{"m1": "127.0.0.1:9"} }, "--advertise-peer"},
		{"cluster and join", func(c *quorum.Config) {
			c.InitialCluster, c.Join = map[string]string{"m1": quorum.DefaultPeerURL}, "127.0.0.1:9"
		}, "--join"},
		{"join", func(c *quorum.Config) { c.Join = "127.0.0.1:9, https://lock1.example.org:2" }, ""},
		{"join nothing", func(c *quorum.Config) { c.Join = "x" }, "--join"},
		{"election too short", func(c *quorum.Config) { c.Heartbeat = time.Second }, "--election"},
		{"election too long", func(c *quorum.Config) { c.Election = time.Minute }, "--election"},
		{"heartbeat too short", func(c *quorum.Config) { c.Heartbeat = time.Microsecond }, "--heartbeat"},
		{"negative retention", func(c *quorum.Config) { c.KeepRevisions = -1 }, "KeepRevisions"},
		{"etcd's services", func(c *quorum.Config) { c.ServicePrefix = []string{"etcdserverpb.KV"} }, "etcdserverpb.KV"},
		{"all services", func(c *quorum.Config) { c.ServicePrefix = []string{""} }, "etcd's own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := quorum.Config{Name: "m1", DataDir: "d"}
			tt.set(&c)
			err := c.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Validate = %v; want %q in it", err, tt.want)
			}
		})
	}
}
