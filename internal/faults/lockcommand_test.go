//go:build linux

package faults

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// stubborn is a script that, with its child, ends by nothing but SIGKILL. It writes the number of
// each into a file named after it.
const stubborn = `trap '' TERM; sh -c "trap '' TERM; echo \$\$ > $1/inner; while :; do sleep 0.1; done" & echo $$ > "$1"/outer; while :; do sleep 0.1; done`

// A wrapper is one process of "lockkeeper lock".
type wrapper struct {
	cmd  *exec.Cmd
	dir  string // its working directory, and the first argument of its command
	out  *output
	done chan struct{} // closed when it has ended
}

// An output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// underLock runs a shell script under the lock called name, with flags.
func underLock(t *testing.T, c *clustertest.Cluster, name, script string, flags ...string) *wrapper {
	t.Helper()
	return wrap(t, c, "lock", name, script, flags...)
}

// wrap runs a shell script by "lockkeeper lock" or "lockkeeper elect".
func wrap(t *testing.T, c *clustertest.Cluster, verb, name, script string, flags ...string) *wrapper {
	t.Helper()
	return wrapWith(t, c, append([]string{verb, name}, flags...), script)
}

// wrapWith runs a shell script by a command with its arguments.
func wrapWith(t *testing.T, c *clustertest.Cluster, command []string, script string) *wrapper {
	t.Helper()
	w := &wrapper{dir: t.TempDir(), out: &output{}, done: make(chan struct{})}
	args := append(command, "--events", "-", "--endpoints", strings.Join(c.Endpoints(), ","))
	w.cmd = exec.CommandContext(t.Context(), clustertest.Binary(t), append(args, "--", "sh", "-c", script, "sh", w.dir)...)
	w.cmd.Stdout, w.cmd.Stderr = w.out, w.out
	w.start(t)
	return w
}

// start starts what is in w.cmd, which the end of the test ends.
func (w *wrapper) start(t *testing.T) {
	t.Helper()
	w.cmd.WaitDelay = clustertest.Patience
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which the clean-up ends
		_ = w.cmd.Wait()
		close(w.done)
	}()
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		<-w.done
		if t.Failed() {
			t.Logf("the output of %q:\n%s", w.cmd.Args, w.out)
		}
	})
}

// signal sends the wrapper a signal, and nobody else.
func (w *wrapper) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := w.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// pid returns the number that the command has written into a file.
func (w *wrapper) pid(t *testing.T, file string) string {
	t.Helper()
	var text []byte
	clustertest.Eventually(t, clustertest.Patience, "the command has written "+file, func() bool {
		text, _ = os.ReadFile(filepath.Join(w.dir, file))
		return bytes.HasSuffix(text, []byte("\n"))
	})
	return strings.TrimSpace(string(text))
}

// exits waits for the wrapper's end, and compares its exit code.
func (w *wrapper) exits(t *testing.T, code int) {
	t.Helper()
	select {
	case <-w.done:
	case <-time.After(clustertest.Patience):
		t.Fatal("lockkeeper lock has not ended")
	}
	if got := w.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("lockkeeper lock ended with %d; want %d", got, code)
	}
}

// alive reports whether a process runs; one that nobody has waited for yet does not.
func alive(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// dead waits until processes are gone, and returns when the last was.
func dead(t *testing.T, pids ...string) time.Time {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, "the command's processes are gone", func() bool {
		for _, pid := range pids {
			if alive(pid) {
				return false
			}
		}
		return true
	})
	return time.Now()
}

func TestLockCommandKilled(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	w := underLock(t, c, "killed", stubborn, "--ttl", "3s")
	outer, inner := w.pid(t, "outer"), w.pid(t, "inner")
	next := underLock(t, c, "killed", "exit 0")
	begun := time.Now()
	w.signal(t, syscall.SIGKILL)
	t.Logf("its command and that one's child were gone after %v", dead(t, outer, inner).Sub(begun))
	next.exits(t, 0)
	took := time.Since(begun)
	t.Logf("the lock passed on after %v", took)
	if took < time.Second || took > 6*time.Second {
		t.Error("that is not when the TTL of 3s was over")
	}
}

func TestLockCommandStopped(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	w := underLock(t, c, "stopped", stubborn, "--ttl", "4s", "--grace", "500ms")
	outer, inner := w.pid(t, "outer"), w.pid(t, "inner")
	next := underLock(t, c, "stopped", `echo 1 > "$1"/runs; exit 0`)
	begun := time.Now()
	w.signal(t, syscall.SIGSTOP)
	gone := dead(t, outer, inner)
	if _, err := os.Stat(filepath.Join(next.dir, "runs")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the next holder runs while the command of the one before did")
	}
	next.exits(t, 0)
	t.Logf("its command was gone after %v; the next holder had ended after %v", gone.Sub(begun), time.Since(begun))
	w.signal(t, syscall.SIGCONT)
	w.exits(t, 113)
}

func TestLockCommandWithoutService(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	const ttl = 4 * time.Second
	w := underLock(t, c, "alone", stubborn, "--ttl", ttl.String(), "--grace", "1s")
	outer, inner := w.pid(t, "outer"), w.pid(t, "inner")
	c.Members[0].Pause(t)
	begun := time.Now() // the last renewal was answered before
	after := dead(t, outer, inner).Sub(begun)
	if t.Logf("the command was gone %v after the last member", after); after >= ttl {
		t.Errorf("that is later than the TTL of %v", ttl)
	}
	w.exits(t, 113)
	for _, event := range []string{`"acquired"`, `"jeopardy"`, `"lost"`, `"ended"`} {
		if !strings.Contains(w.out.String(), `"event":`+event) {
			t.Errorf("there is no event %s", event)
		}
	}
	c.Members[0].Resume(t)
}

func TestLockCommandTakenByForce(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	w := underLock(t, c, "forced", stubborn, "--grace", "1s")
	outer, inner := w.pid(t, "outer"), w.pid(t, "inner")
	begun := time.Now()
	release := exec.CommandContext(t.Context(), clustertest.Binary(t), "release", "forced", "--force", "--reason", "test", "--endpoints", c.Endpoints()[0])
	if out, err := release.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	took := dead(t, outer, inner).Sub(begun)
	if t.Logf("gone after %v", took); took < time.Second || took > 4*time.Second {
		t.Error("that is not the grace of 1s")
	}
	w.exits(t, 113)
	if !strings.Contains(w.out.String(), `"cause":"forced","reason":"test"`) {
		t.Error("there is no event with the cause")
	}
}

func TestLockCommandNeverNoticesAMemberThatDies(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 3, clustertest.Options{})
	w := underLock(t, c, "noticed", `trap 'echo signal > "$1"/signal' TERM HUP INT; echo $$ > "$1"/outer; while ! [ -e "$1"/stop ]; do sleep 0.1; done`, "--ttl", "15s")
	w.pid(t, "outer")
	for _, m := range c.Members {
		m.Kill(t)
		clustertest.Pass(t, 4*time.Second)
		m.Restart(t)
		c.WaitReady(t, m)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "stop"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.exits(t, 0)
	if _, err := os.Stat(filepath.Join(w.dir, "signal")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the command got a signal")
	}
	if !strings.Contains(w.out.String(), `"event":"released"`) || strings.Contains(w.out.String(), `"event":"lost"`) {
		t.Error("the hold did not last")
	}
}
