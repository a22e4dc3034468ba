//go:build linux

package sidecartest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// The TTLs of the sidecars' sessions.
const (
	shortest = 2 * time.Second // that there is: over before the members have elected a leader
	steady   = 8 * time.Second // of sessions that a change of the members' leader does not disturb
)

// A sidecar is one beside an application, in a network namespace of its own. Its methods are for the
// test's own goroutine, get for any.
type sidecar struct {
	name  string
	space *clustertest.Namespace
	dir   string
	args  []string

	process *exec.Cmd
	app     *exec.Cmd
	http    *http.Client // to its door, from inside the namespace
}

// newSidecar starts a sidecar that campaigns in the election, and an application beside it. Both end with
// the test.
func newSidecar(t *testing.T, c *clustertest.Cluster, space *clustertest.Namespace, name string, ttl time.Duration) *sidecar {
	t.Helper()
	s := &sidecar{name: name, space: space, dir: t.TempDir()}
	s.http = &http.Client{Transport: &http.Transport{DialContext: space.Dial}}
	s.args = append(space.Exec(), clustertest.Binary(t), "sidecar", "--endpoints", strings.Join(c.Endpoints(), ","),
		"--ttl", ttl.String(), "--elect", election, "--value", name, "--app-pid-file", s.pidFile(), "--app-every", "20ms")
	t.Cleanup(func() {
		s.http.CloseIdleConnections()
		for _, cmd := range []*exec.Cmd{s.process, s.app} {
			kill(t, cmd)
		}
		if t.Failed() {
			text, _ := os.ReadFile(s.logFile()) // what there is of it
			t.Logf("the log of %s:\n%s", name, text[max(0, len(text)-8<<10):])
		}
	})
	s.startApp(t)
	s.start(t)
	return s
}

func (s *sidecar) pidFile() string { return filepath.Join(s.dir, "pid") }
func (s *sidecar) logFile() string { return filepath.Join(s.dir, "log") }

// launch starts a process that does not outlive the test.
func launch(t *testing.T, out io.Writer, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// kill ends a process with SIGKILL and waits for its end. One that has ended is left alone.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd == nil || cmd.ProcessState != nil {
		return
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it says that it was killed
}

// start starts the sidecar's process.
func (s *sidecar) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has it open, too
	s.process = launch(t, log, s.args...)
}

// startApp starts an application, and says in the file which process it is.
func (s *sidecar) startApp(t *testing.T) {
	t.Helper()
	s.app = launch(t, nil, "sleep", "1000")
	if err := os.WriteFile(s.pidFile(), fmt.Appendln(nil, s.app.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *sidecar) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request to the sidecar's door.
func (s *sidecar) ask(ctx context.Context, method, path, body string, into any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:7071"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, json.Unmarshal(text, into)
}

// A state is what a sidecar says of itself.
type state struct {
	Member  string `json:"member"`
	Session string `json:"session"`
	Holds   []struct {
		Name  string `json:"name"`
		Token int64  `json:"token"`
		State string `json:"state"`
	} `json:"holds"`
}

func (s *sidecar) state(t *testing.T) (v state) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	if status, err := s.ask(ctx, http.MethodGet, "/state", "", &v); err != nil || status != http.StatusOK {
		t.Fatalf("the state of %s: %d, %v", s.name, status, err)
	}
	return v
}
