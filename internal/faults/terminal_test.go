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

// TestLockCommandOnATerminal has a command read what is typed, go on after Ctrl-Z (there is no
// shell here that would give a prompt), and end by Ctrl-C, which goes to it and not to us.
func TestLockCommandOnATerminal(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	master, slave := openTerminal(t)
	seen := &output{}
	read := make(chan struct{})
	go func() { // ends when the terminal is closed
		defer close(read)
		for buffer := make([]byte, 4096); ; {
			n, err := master.Read(buffer)
			if err != nil {
				return
			}
			_, _ = seen.Write(buffer[:n])
		}
	}()
	holder := underLock(t, c, "terminal", `echo $$ > "$1"/outer; while ! [ -e "$1"/stop ]; do sleep 0.05; done`, "--owner", "host-7")
	holder.pid(t, "outer")

	cmd := exec.CommandContext(t.Context(), clustertest.Binary(t), "lock", "terminal", "--endpoints", c.Endpoints()[0], "--", "sh", "-c",
		`read line; echo "got $line"; read line; echo "then $line"; trap 'echo INT; exit 9' INT; echo ready; while :; do sleep 0.1; done`)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Logf("the terminal shows:\n%q", seen)
		}
	})
	shows := func(text string) {
		t.Helper()
		clustertest.Eventually(t, clustertest.Patience, "the terminal shows "+text, func() bool { return strings.Contains(seen.String(), text) })
	}
	typed := func(text string) {
		t.Helper()
		if _, err := master.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	shows("waiting for terminal, next in line, held by host-7")
	shows("s so far") // the line has been brought up to date
	if err := os.WriteFile(holder.dir+"/stop", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	holder.exits(t, 0)
	typed("one\n")
	shows("got one")
	typed("\x1a") // Ctrl-Z
	shows("stopped: ")
	typed("two\n")
	shows("then two")
	shows("ready")
	typed("\x03") // Ctrl-C
	shows("INT")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 9 {
		t.Errorf("ended with %d; want the command's 9", code)
	}
	_ = slave.Close()
	_ = master.Close()
	<-read
}
