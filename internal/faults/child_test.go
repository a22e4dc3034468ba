//go:build linux

package faults

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// childVariable tells this test binary, run by itself, that it is a child, and where the members
// are.
const childVariable = "FAULTS_CHILD_ENDPOINTS"

// saysPrefix begins the lines of a child that are for its parent; all others are for people.
const saysPrefix = "says "

// A child is a process of a program that uses package sdk: this test binary, of which it runs one
// test. That test's errors are errors of the parent's.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	says chan string   // what it says, until its end
	done chan struct{} // closed when it has ended
	err  error         // what it ended with
}

// startChild runs a test in a process of its own. It ends with the parent's test.
func startChild(t *testing.T, endpoints []string, test string, env ...string) *child {
	t.Helper()
	// Not the test's context: its end would kill it before the clean-up is there to wait.
	cmd := exec.CommandContext(context.Background(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1")
	cmd.Env = append(append(os.Environ(), childVariable+"="+strings.Join(endpoints, ",")), env...)
	return start(t, cmd)
}

// start starts a command as a child. It ends with the parent's test.
func start(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
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
		c.listen(t, out)
		c.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-c.done
	})
	return c
}

// listen reads what the process writes, until it ends.
func (c *child) listen(t *testing.T, out io.Reader) {
	defer close(c.says)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said, ok := strings.CutPrefix(lines.Text(), saysPrefix)
		if !ok {
			fmt.Fprintln(t.Output(), lines.Text())
			continue
		}
		select {
		case c.says <- said:
		default:
			fmt.Fprintf(t.Output(), "a child says too much: %s\n", said)
		}
	}
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
	case <-time.After(clustertest.Patience):
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

// tell sends a child a line.
func (c *child) tell(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// goOn lets a child go on that waits to be told, also one that is stopped: it then finds the word
// on waking.
func (c *child) goOn(t *testing.T) {
	t.Helper()
	if err := c.in.Close(); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end of the child, and fails the test where its own has failed.
func (c *child) ends(t *testing.T) {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(clustertest.Patience):
		t.Fatal("a child does not end")
	}
	if c.err != nil {
		t.Errorf("a child ended: %v", c.err)
	}
}

// asChild returns the client of a child, and skips the test of any other process.
func asChild(t *testing.T, opts ...sdk.Option) *sdk.Client {
	t.Helper()
	endpoints := os.Getenv(childVariable)
	if endpoints == "" {
		t.Skip("only runs as a child of another test")
	}
	return dial(t, strings.Split(endpoints, ","), opts...)
}

// say tells the parent something.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, saysPrefix+format+"\n", args...)
}

// told waits until the parent lets the child go on.
func told() { _, _ = io.Copy(io.Discard, os.Stdin) }

// dial makes a client whose log goes to the test's, and closes it when the test ends.
func dial(t *testing.T, endpoints []string, opts ...sdk.Option) *sdk.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	opts = append([]sdk.Option{sdk.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil)))}, opts...)
	client, err := sdk.Dial(ctx, endpoints, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), clustertest.Patience)
		defer cancel()
		if err := client.Close(ctx); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return client
}
