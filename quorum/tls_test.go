package quorum_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

func TestTLS(t *testing.T) {
	files := certificate(t)
	secure := func(name string) quorum.Config {
		cfg := quorumtest.Config(t, name)
		cfg.PeerTLS, cfg.ClientTLS = files, files
		cfg.PeerURL = strings.Replace(cfg.PeerURL, "http:", "https:", 1)
		cfg.ClientURL = strings.TrimPrefix(cfg.ClientURL, "http://") // https by its TLS files
		return cfg
	}
	seed := secure("m1")
	first := quorumtest.Start(t, seed)
	quorumtest.Ready(t, first)

	joining := secure("m2")
	joining.Join = seed.ClientURL
	second := quorumtest.Start(t, joining)
	quorumtest.Ready(t, second)
	rev := put(t, second, "a", "1")
	quorumtest.Eventually(t, "the write at the first member", func() bool { return first.Revision() >= rev })

	good, err := files.Dial()
	if err != nil {
		t.Fatal(err)
	}
	anonymous := good.Clone()
	anonymous.Certificates = nil
	check := func(conf *tls.Config) error {
		conn, err := grpc.NewClient(seed.ClientURL, grpc.WithTransportCredentials(credentials.NewTLS(conf)))
		if err != nil {
			return err
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), quorumtest.Patience)
		defer cancel()
		_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		return err
	}
	if err := check(good); err != nil {
		t.Errorf("health with a certificate = %v", err)
	}
	if err := check(anonymous); err == nil {
		t.Error("health without a certificate was served")
	}
	closePromptly(t, first)
}

// certificate writes a certificate for 127.0.0.1 that is its own authority.
func certificate(t *testing.T) quorum.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := quorum.TLS{CertFile: filepath.Join(dir, "cert"), KeyFile: filepath.Join(dir, "key"), CAFile: filepath.Join(dir, "cert")}
	for name, block := range map[string]*pem.Block{
		files.CertFile: {Type: "CERTIFICATE", Bytes: cert},
		files.KeyFile:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
