//go:build linux

package childtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a parent waits for what a child is to say or do.
const Patience = time.Minute

// saysPrefix begins the lines of a child that are for its parent; all others are for people.
const saysPrefix = "says "

// A Child is a process that a test has started. Its methods are for one goroutine at a time.
type Child struct {
	Says <-chan string   // what it says, until its end
	Done <-chan struct{} // closed when it has ended
	Cmd  *exec.Cmd       // what runs; its ProcessState may be read once Done is closed

	in  io.WriteCloser
	err error // what it ended with; read once Done is closed
}

// Run runs a test of this binary in a process of its own, whose environment has env besides; by that
// the test must know that it is a child. It ends with tb.
func Run(tb testing.TB, test string, env ...string) *Child {
	tb.Helper()
	// Not the test's context: its end would kill it before the clean-up is there to wait.
	cmd := exec.CommandContext(context.Background(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), env...)
	return Start(tb, cmd)
}

// Start starts a command as a child. It ends with tb.
func Start(tb testing.TB, cmd *exec.Cmd) *Child {
	tb.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = tb.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	says, done := make(chan string, 1024), make(chan struct{})
	c := &Child{Says: says, Done: done, Cmd: cmd, in: in}
	go func() { // ends with the process, which the clean-up ends
		defer close(done)
		listen(tb, out, says)
		c.err = cmd.Wait()
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	return c
}

// listen reads what the process writes, until it ends.
func listen(tb testing.TB, out io.Reader, says chan<- string) {
	defer close(says)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said, ok := strings.CutPrefix(lines.Text(), saysPrefix)
		if !ok {
			fmt.Fprintln(tb.Output(), lines.Text())
			continue
		}
		select {
		case says <- said:
		default:
			fmt.Fprintf(tb.Output(), "a child says too much: %s\n", said)
		}
	}
}

// Next waits until the child says something, and returns it; what says what is awaited.
func (c *Child) Next(tb testing.TB, what string) string {
	tb.Helper()
	select {
	case said, ok := <-c.Says:
		if !ok {
			tb.Fatalf("a child has ended instead of saying %q", what)
		}
		return said
	case <-time.After(Patience):
		tb.Fatalf("a child does not say %q", what)
	}
	return ""
}

// Hear waits until the child says something, and takes it apart as fmt.Sscanf does.
func (c *Child) Hear(tb testing.TB, format string, into ...any) {
	tb.Helper()
	said := c.Next(tb, format)
	if _, err := fmt.Sscanf(said, format, into...); err != nil {
		tb.Fatalf("a child says %q; want %q: %v", said, format, err)
	}
}

// Signal sends the child a signal.
func (c *Child) Signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	if err := c.Cmd.Process.Signal(sig); err != nil {
		tb.Fatal(err)
	}
}

// Kill kills the child, and waits for its end.
func (c *Child) Kill() {
	_ = c.Cmd.Process.Kill() // it may have ended
	<-c.Done
}

// Tell sends the child a line.
func (c *Child) Tell(tb testing.TB, line string) {
	tb.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		tb.Fatal(err)
	}
}

// GoOn lets a child go on that waits by [Told], also one that is stopped: it then finds the word on
// waking.
func (c *Child) GoOn(tb testing.TB) {
	tb.Helper()
	if err := c.in.Close(); err != nil {
		tb.Fatal(err)
	}
}

// Ends waits for the end of the child, and fails the test where its own has failed.
func (c *Child) Ends(tb testing.TB) {
	tb.Helper()
	select {
	case <-c.Done:
	case <-time.After(Patience):
		tb.Fatal("a child does not end")
	}
	if c.err != nil {
		tb.Errorf("a child ended: %v", c.err)
	}
}

// Say, in a child, tells the parent something.
func Say(format string, args ...any) { fmt.Fprintf(os.Stdout, saysPrefix+format+"\n", args...) }

// Told, in a child, waits until the parent lets it go on.
func Told() { _, _ = io.Copy(io.Discard, os.Stdin) }
