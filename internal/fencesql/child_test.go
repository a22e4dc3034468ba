//go:build linux

package fencesql

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

	"github.com/lockkeeper/lockkeeper/sdk"
)

// The variables by which this test binary, run by itself, learns that it is a child, and of what.
const (
	childVariable   = "FENCESQL_CHILD_ENDPOINT"
	addressVariable = "FENCESQL_CHILD_DATABASE"
	remedyVariable  = "FENCESQL_CHILD_REMEDY"
)

// saysPrefix begins the lines of a child that are for its parent.
const saysPrefix = "says "

// A child is a process of its own: this test binary, of which it runs one test.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	says chan string   // until its end
	done chan struct{} // closed when it has ended
	err  error         // what it ended with
}

// startChild runs a test in a process of its own, which ends with the parent's.
func startChild(t *testing.T, test string, env ...string) *child {
	t.Helper()
	// Not the test's context: its end would kill it before the clean-up is there to wait.
	cmd := exec.CommandContext(context.Background(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, in: in, says: make(chan string, 64), done: make(chan struct{})}
	go func() { // ends with the process, which the clean-up ends
		defer close(c.done)
		defer close(c.says)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if said, ok := strings.CutPrefix(lines.Text(), saysPrefix); ok && len(c.says) < cap(c.says) {
				c.says <- said
			} else {
				fmt.Fprintln(t.Output(), lines.Text())
			}
		}
		c.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-c.done
	})
	return c
}

// hear waits until the child says something, and takes it apart as fmt.Sscanf does.
func (c *child) hear(t *testing.T, format string, into ...any) {
	t.Helper()
	select {
	case said, ok := <-c.says:
		if !ok {
			t.Fatalf("a child has ended instead of saying %q", format)
		}
		if _, err := fmt.Sscanf(said, format, into...); err != nil {
			t.Fatalf("a child says %q; want %q: %v", said, format, err)
		}
	case <-time.After(patience):
		t.Fatalf("a child does not say %q", format)
	}
}

// signal sends the child a signal.
func (c *child) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end of the child, and fails the test where its own has failed.
func (c *child) ends(t *testing.T) {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		t.Fatal("a child does not end")
	}
	if c.err != nil {
		t.Errorf("a child ended: %v", c.err)
	}
}

// say tells the parent something.
func say(format string, args ...any) { fmt.Fprintf(os.Stdout, saysPrefix+format+"\n", args...) }

// told waits until the parent lets the child go on.
func told() { _, _ = io.Copy(io.Discard, os.Stdin) }

// dial makes a client, which is closed when the test ends: by then its session may be over.
func dial(t *testing.T, endpoint string, opts ...sdk.Option) *sdk.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client, err := sdk.Dial(ctx, []string{endpoint}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = client.Close(ctx)
	})
	return client
}
