//go:build linux

package deploy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// built is the directory of what the tests build, which is removed after them.
var built string

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "lockkeeper-deploy-"); err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(built)
	m.Run()
}

// binary builds the program, in its own module, and returns where it is.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "lockkeeper")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/lockkeeper")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// lockkeeper returns the path of the program.
func lockkeeper(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A host is a container or pod: a namespace, and an /etc/hosts that all share, as DNS would be.
type host struct {
	at    *clustertest.Namespace
	hosts string // the file
	env   []string
	args  []string

	cmd *exec.Cmd
	log strings.Builder
}

// command returns what runs the program on h with other arguments.
func (h *host) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	const script = `mount --bind "$HOSTS" /etc/hosts; unset HOSTS; exec "$@"`
	line := slices.Concat(h.at.Exec(), []string{"unshare", "--mount", "sh", "-euc", script, "sh", lockkeeper(t)}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = slices.Concat(h.env, []string{"PATH=" + os.Getenv("PATH"), "HOSTS=" + h.hosts})
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (h *host) start(t *testing.T) {
	t.Helper()
	cmd := h.command(t, h.args...)
	cmd.Stdout, cmd.Stderr = &h.log, &h.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.cmd = cmd
	t.Cleanup(func() { h.end(syscall.SIGKILL) })
}

// end ends the member and waits for it.
func (h *host) end(sig syscall.Signal) {
	if h.cmd != nil {
		_ = h.cmd.Process.Signal(sig)
		_ = h.cmd.Wait()
		h.cmd = nil
	}
}

// health asks the member as its container's health check would.
func (h *host) health(t *testing.T, args ...string) bool {
	t.Helper()
	return h.command(t, append([]string{"health"}, args...)...).Run() == nil
}

// ready waits until all members are, and shows their logs if they will not be.
func ready(t *testing.T, hosts ...*host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	for _, h := range hosts {
		if !clustertest.Poll(ctx, func() bool { return h.health(t, "--ready") }) {
			for _, h := range hosts {
				h.end(syscall.SIGKILL)
				t.Logf("%s:\n%s", h.at.Address, h.log.String())
			}
			t.Fatal("members are not ready")
		}
	}
}

// resolve writes which name is which member now.
func resolve(t *testing.T, file string, hosts map[string]*host) {
	t.Helper()
	var text strings.Builder
	text.WriteString("127.0.0.1 localhost\n")
	for name, h := range hosts {
		fmt.Fprintf(&text, "%s %s\n", h.at.Address, name)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// certificates makes one certificate for all names, as the Secret has it, and returns its directory.
func certificates(t *testing.T, names []string) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "members"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	ca, err := x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "lockkeeper"}, DNSNames: names,
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.crt": {Type: "CERTIFICATE", Bytes: ca}, "tls.crt": {Type: "CERTIFICATE", Bytes: cert}, "tls.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
