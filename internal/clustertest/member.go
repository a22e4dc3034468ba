//go:build linux

package clustertest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A Member is one member of a cluster: a process, or the pause between two of them. Its verbs
// are for the test's own goroutine; its readers are safe for concurrent use.
type Member struct {
	Name      string
	HTTP      string // host:port of its REST door
	ZooKeeper string // host:port of its ZooKeeper door
	Client    string // host:port where other members reach it
	Peer      string // host:port of the quorum's own traffic
	DataDir   string

	dir     string // holds its log, which goes on over restarts
	command []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has been waited for
	err    error         // what it ended with
	lives  []Life
}

// A Life is a time in which a member's process ran and was ready, from the first ready answer
// to the signal that ended or paused it. A zero Until is a life that goes on.
type Life struct{ From, Until time.Time }

// Covers reports whether the member was up for all of from to until.
func (l Life) Covers(from, until time.Time) bool {
	return !l.From.IsZero() && !from.Before(l.From) && (l.Until.IsZero() || !until.After(l.Until))
}

// URL returns where the member's REST door is.
func (m *Member) URL() string { return "http://" + m.HTTP }

// Running reports whether the member has a process, paused or not.
func (m *Member) Running() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cmd != nil
}

// ended reports whether the process has ended by itself.
func (m *Member) ended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.exited:
		return true
	default:
		return false
	}
}

// StayedUp reports whether the member was up and ready for all of from to until.
func (m *Member) StayedUp(from, until time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lives {
		if l.Covers(from, until) {
			return true
		}
	}
	return false
}

// start starts the process and does not wait for anything.
func (m *Member) start(tb testing.TB) {
	tb.Helper()
	log, err := os.OpenFile(m.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	// Not the test's context: its end would kill members before the clean-up is there to wait.
	cmd := exec.CommandContext(context.Background(), m.command[0], m.command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = m.dir
	cmd.Env = environment()
	// A member must not outlive a test that was killed itself and could not clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", m.Name, err)
	}
	exited := make(chan struct{})
	m.mu.Lock()
	m.cmd, m.exited, m.err = cmd, exited, nil
	m.mu.Unlock()
	go func() { // ends with the process; whoever ends that waits for exited
		err := cmd.Wait()
		m.mu.Lock()
		defer m.mu.Unlock()
		m.err = err
		close(exited)
	}()
}

// environment is that of this process without what configures a member.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LOCKKEEPER_") {
			env = append(env, v)
		}
	}
	return env
}

// ready notes that the member has been seen to be ready.
func (m *Member) ready() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.lives); n == 0 || !m.lives[n-1].Until.IsZero() {
		m.lives = append(m.lives, Life{From: time.Now()})
	}
}

// signal sends a signal to the process. ends says that the member is not up from now on.
func (m *Member) signal(tb testing.TB, sig syscall.Signal, ends bool) (exited chan struct{}) {
	tb.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		tb.Fatalf("%s is not running", m.Name)
	}
	if n := len(m.lives); ends && n > 0 && m.lives[n-1].Until.IsZero() {
		m.lives[n-1].Until = time.Now()
	}
	if err := m.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Fatalf("send %v to %s: %v", sig, m.Name, err)
	}
	return m.exited
}

// gone waits until the process has ended, and returns what it ended with.
func (m *Member) gone(tb testing.TB, exited chan struct{}) error {
	tb.Helper()
	select {
	case <-exited:
	case <-time.After(Patience):
		tb.Fatalf("%s has not ended after %v", m.Name, Patience)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cmd = nil
	return m.err
}

// Kill ends the member with SIGKILL and waits until it is gone.
func (m *Member) Kill(tb testing.TB) {
	tb.Helper()
	_ = m.gone(tb, m.signal(tb, syscall.SIGKILL, true)) // it says that it was killed
}

// Stop ends the member with SIGTERM, waits until it is gone, and fails the test if it did not
// end in order.
func (m *Member) Stop(tb testing.TB) {
	tb.Helper()
	if err := m.gone(tb, m.signal(tb, syscall.SIGTERM, true)); err != nil {
		tb.Errorf("%s was to stop in order: %v", m.Name, err)
	}
}

// Pause stops the process in its tracks with SIGSTOP.
func (m *Member) Pause(tb testing.TB) {
	tb.Helper()
	m.signal(tb, syscall.SIGSTOP, true)
}

// Resume lets a paused process go on with SIGCONT.
func (m *Member) Resume(tb testing.TB) {
	tb.Helper()
	m.signal(tb, syscall.SIGCONT, false)
}

// Signal sends the process a signal, and does not wait for what comes of it.
func (m *Member) Signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	m.signal(tb, sig, false)
}

// Restart starts a member that was killed or stopped, with the data it had, and does not wait
// until it is ready.
func (m *Member) Restart(tb testing.TB) {
	tb.Helper()
	if m.Running() {
		tb.Fatalf("%s is running", m.Name)
	}
	m.start(tb)
}

func (m *Member) logPath() string { return filepath.Join(m.dir, m.Name+".log") }

// shown is how much of a member's log a failed test shows, from its end.
const shown = 12 << 10

// end ends the process, if there is one, and shows the log of a test that failed.
func (m *Member) end(tb testing.TB) {
	tb.Helper()
	if m.Running() {
		m.Kill(tb)
	}
	if !tb.Failed() {
		return
	}
	text, err := os.ReadFile(m.logPath())
	if err != nil {
		tb.Log(err)
		return
	}
	if len(text) > shown {
		_, text, _ = bytes.Cut(text[len(text)-shown:], []byte("\n"))
	}
	tb.Logf("the end of the log of %s:\n%s", m.Name, text)
}

// PID returns the number of the member's process, 0 where there is none.
func (m *Member) PID() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return 0
	}
	return m.cmd.Process.Pid
}
