//go:build linux

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// openTerminal makes a terminal: what is written to master is typed on it.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		absent.Skip(t, "there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

// A screen is a terminal whose text is kept.
type screen struct {
	t             *testing.T
	master, slave *os.File
	seen          *output
}

func openScreen(t *testing.T) *screen {
	t.Helper()
	s := &screen{t: t, seen: &output{}}
	s.master, s.slave = openTerminal(t)
	read := make(chan struct{})
	go func() { // ends when the terminal is closed
		defer close(read)
		for buffer := make([]byte, 4096); ; {
			n, err := s.master.Read(buffer)
			if err != nil {
				return
			}
			_, _ = s.seen.Write(buffer[:n])
		}
	}()
	t.Cleanup(func() {
		_ = s.slave.Close()
		_ = s.master.Close()
		<-read
		if t.Failed() {
			t.Logf("the terminal shows:\n%q", s.seen)
		}
	})
	return s
}

// shows waits until a text can be read.
func (s *screen) shows(text string) {
	s.t.Helper()
	clustertest.Eventually(s.t, clustertest.Patience, "the terminal shows "+text, func() bool { return strings.Contains(s.seen.String(), text) })
}

func (s *screen) typed(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// TestLockCommandOnATerminal has a command read what is typed, go on after Ctrl-Z (there is no
// shell here that would give a prompt), and end by Ctrl-C, which goes to it and not to us.
func TestLockCommandOnATerminal(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	screen := openScreen(t)
	holder := underLock(t, c, "terminal", `echo $$ > "$1"/outer; while ! [ -e "$1"/stop ]; do sleep 0.05; done`, "--owner", "host-7")
	holder.pid(t, "outer")

	cmd := exec.CommandContext(t.Context(), clustertest.Binary(t), "lock", "terminal", "--endpoints", c.Endpoints()[0], "--", "sh", "-c",
		`read line; echo "got $line"; read line; echo "then $line"; trap 'echo INT; exit 9' INT; echo ready; while :; do sleep 0.1; done`)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen.slave, screen.slave, screen.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	screen.shows("waiting for terminal, next in line, held by host-7")
	screen.shows("s so far") // the line has been brought up to date
	if err := os.WriteFile(holder.dir+"/stop", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	holder.exits(t, 0)
	screen.typed("one\n")
	screen.shows("got one")
	screen.typed("\x1a") // Ctrl-Z
	screen.shows("stopped: ")
	screen.typed("two\n")
	screen.shows("then two")
	screen.shows("ready")
	screen.typed("\x03") // Ctrl-C
	screen.shows("INT")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 9 {
		t.Errorf("ended with %d; want the command's 9", code)
	}
}
