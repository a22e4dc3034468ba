//go:build linux

package clients

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// cliDoor is ours by the command line.
type cliDoor struct {
	t       *testing.T // ends the commands
	cluster *clustertest.Cluster
}

func byCLI(t *testing.T, c *clustertest.Cluster) door { return &cliDoor{t, c} }

func (d *cliDoor) String() string { return "command line" }

// notAcquired is the exit code of lock and elect for what somebody else holds.
const notAcquired = 112

// waiter says that it runs, and ends when it reads a line.
const waiter = `echo held "$LOCKKEEPER_TOKEN"; read line`

func (d *cliDoor) take(ctx context.Context, name string, a ask) (*held, error) {
	args := []string{"lock", name}
	if a.value != "" {
		args = []string{"elect", name, "--value", a.value}
	}
	flag := func(name string, value any, said bool) {
		if said {
			args = append(args, fmt.Sprintf("--%s=%v", name, value))
		}
	}
	flag("mode", a.mode, a.mode != "")
	flag("compat", a.compat, a.compat != "")
	flag("owner", a.owner, a.owner != "")
	flag("lock-delay", a.delay, a.delay != 0)
	flag("ttl", a.ttl, a.ttl != 0)
	flag("permits", a.permits, a.permits != 0)
	flag("limit", a.limit, a.limit != 0)
	flag("try", a.try, a.try)
	for _, also := range a.also {
		flag("also", also, true)
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := d.command(ctx, with(args, "--", "sh", "-c", waiter)...)
	var said bytes.Buffer
	cmd.Stderr = &said // read once the command has been waited for
	end := sync.OnceValue(func() error {
		err := cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == notAcquired {
			return errTaken
		} else if err != nil {
			return fmt.Errorf("lockkeeper %q: %w\n%s", args, err, &said)
		}
		return nil
	})
	d.t.Cleanup(func() {
		cancel()
		_ = end() // says that it was killed, where it had not ended
	})
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &held{name: name}
	line, _ := bufio.NewReader(out).ReadString('\n') // a command that did not run says why by its end
	if _, err := fmt.Sscanf(line, "held %d\n", &h.token); err != nil {
		return nil, errors.Join(end(), ctx.Err())
	}
	h.release = func(context.Context) error {
		_, err := io.WriteString(in, "\n")
		return errors.Join(err, end())
	}
	h.kill = func() { _ = cmd.Process.Kill() }
	return h, nil
}

// command is one of the program's, which knows all members.
func (d *cliDoor) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, clustertest.Binary(d.t), args...)
	cmd.Env = append(os.Environ(), "LOCKKEEPER_ENDPOINTS="+strings.Join(d.cluster.Endpoints(), ","))
	return cmd
}

// run runs a command to its end, and returns what it prints.
func (d *cliDoor) run(ctx context.Context, args ...string) (string, error) {
	out, err := d.command(ctx, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("lockkeeper %q: %w\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (d *cliDoor) force(ctx context.Context, name string) error {
	_, err := d.run(ctx, "release", name, "--force", "--reason", "test")
	return err
}

func (d *cliDoor) leader(ctx context.Context, name string) (string, error) {
	return d.run(ctx, "leader", name, "--value")
}

func (d *cliDoor) closeBarrier(ctx context.Context, name string) error {
	_, err := d.run(ctx, "barrier", "set", name)
	return err
}

func (d *cliDoor) openBarrier(ctx context.Context, name string) error {
	_, err := d.run(ctx, "barrier", "remove", name)
	return err
}

func (d *cliDoor) waitBarrier(ctx context.Context, name string) error {
	_, err := d.run(ctx, "barrier", "wait", name)
	return err
}
