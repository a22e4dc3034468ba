package sidecar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// DefaultHookTimeout bounds a hook that says no time of its own.
const DefaultHookTimeout = 10 * time.Second

// killAfter is the time between SIGTERM and SIGKILL of a hook that takes too long.
const killAfter = time.Second

// A Hook is what is done when a claim is gained or lost: a command is run, or a URL posted to. The
// zero Hook does nothing.
type Hook struct {
	Command []string      // a program and its arguments; no shell in between
	URL     string        // that the event is posted to as JSON; it must answer 2xx
	Timeout time.Duration // 0: [DefaultHookTimeout]
}

func (h *Hook) validate(field, name string) error {
	switch {
	case len(h.Command) > 0 && h.URL != "":
		return bad(field, "give a command or a url", "of %q is both", name)
	case h.URL != "" && !webURL(h.URL):
		return bad(field, "write http://127.0.0.1:8080/leading", "of %q: %q is no URL", name, h.URL)
	case h.Timeout < 0:
		return bad(field, "give a timeout such as 10s", "of %q has a timeout below 0", name)
	}
	if len(h.Command) > 0 {
		if _, err := exec.LookPath(h.Command[0]); err != nil {
			return bad(field, "give the path of a program that can be run", "of %q: %v", name, err)
		}
	}
	return nil
}

// run does what the hook says, and waits for it for as long as it may take, or until ctx ends.
func (h *Hook) run(ctx context.Context, of *sidecar, e Event) error {
	limit := h.Timeout
	if limit == 0 {
		limit = DefaultHookTimeout
	}
	var err error
	started := time.Now()
	switch {
	case h.URL != "":
		err = post(ctx, of.hooks, h.URL, e, limit)
	case len(h.Command) > 0:
		err = h.exec(ctx, e, limit)
	default:
		return nil
	}
	of.meters.hook(e.Event, err, time.Since(started))
	return err
}

// exec runs the command in a process group of its own, which is ended as a whole.
func (h *Hook) exec(ctx context.Context, e Event, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took longer than %v and was ended", limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, h.Command[0], h.Command[1:]...)
	variable := "LOCKKEEPER_LOCK="
	if e.Kind == Election {
		variable = "LOCKKEEPER_ELECTION_NAME="
	}
	cmd.Env = append(os.Environ(),
		variable+e.Name, "LOCKKEEPER_TOKEN="+strconv.FormatInt(e.Token, 10), "LOCKKEEPER_EVENT="+e.Event, "LOCKKEEPER_WHY="+e.Why)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	err := cmd.Run()
	switch {
	case cmd.Process == nil && ctx.Err() != nil:
		return context.Cause(ctx) // it was over before it could begin
	case cmd.Process == nil:
		return err
	case ctx.Err() != nil:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what is left of its group
		return context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // something that it has started holds its output open
	}
	return err
}
