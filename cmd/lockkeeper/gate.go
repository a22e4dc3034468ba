package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lockkeeper/lockkeeper/internal/supervise"
)

// A gateConfig is what a container's entry point is told, whose command runs only while a lock is
// held or an election led.
type gateConfig struct {
	lockConfig
	candidacy electConfig
}

// bind declares the flags that only gate mode has; the others are the sidecar's own.
func (c *gateConfig) bind(fs *pflag.FlagSet) {
	fs.DurationVar(&c.wait, "wait", 0, "before --: `duration` to wait for the lock or the lead at most (default: for ever)")
	fs.DurationVar(&c.grace, "grace", 0, "before --: `duration` between SIGTERM and SIGKILL (default: a third of --ttl, at most 5s)")
	fs.StringVar(&c.reason, "reason", "", "before --: `text` that says why, to those who wait and to operators")
	fs.BoolVar(&c.again, "again", false, "before --: wait again after a loss or a hand-over, and run COMMAND anew")
	fs.BoolVar(&c.candidacy.keep, "keep", false, "before --: do not hand over to a candidate of higher priority")
	fs.StringVar(&c.onLost, "on-lost", "", "before --: `command` to run when the lock or the lead is lost, with its arguments; no shell but as sh -c '…'")
	fs.StringVar(&c.events, "events", "", "before --: `file` to append events to, as JSON lines; - is standard error, /dev/fd/3 an open file")
	fs.DurationVar(&c.members.timeout, "timeout", 5*time.Second, "before --: to reach a member at the start; LOCKKEEPER_TIMEOUT")
}

// onlyGate are the flags that mean nothing without a command to run; shared are those that mean
// something with one and without.
var (
	onlyGate = []string{"wait", "grace", "reason", "again", "keep", "on-lost", "events", "timeout"}
	shared   = []string{"endpoints", "ttl", "owner", "elect", "value", "priority", "lock"}
)

// noGate refuses flags that need a command.
func noGate(fs *pflag.FlagSet) error {
	for _, flag := range onlyGate {
		if fs.Changed(flag) && flag != "timeout" { // which LOCKKEEPER_TIMEOUT may have set, for other commands
			return fmt.Errorf("--%s: is of gate mode; say after -- what to run, or leave it out", flag)
		}
	}
	return nil
}

// load takes what the sidecar's flags say for a command that is run under one lock or election.
func (c *gateConfig) load(cmd *cobra.Command, of *sidecarConfig, args, environ []string) error {
	fs := cmd.Flags()
	var failed error
	fs.Visit(func(f *pflag.Flag) {
		if !slices.Contains(onlyGate, f.Name) && !slices.Contains(shared, f.Name) && failed == nil {
			failed = fmt.Errorf("--%s: is not for gate mode, where the application is the command after --; leave one of the two out", f.Name)
		}
	})
	switch {
	case failed != nil:
		return failed
	case fs.ArgsLenAtDash() != 0 || len(args) == 0:
		return fmt.Errorf("say after -- what to run: %s --lock NAME -- COMMAND [ARG...]", cmd.CommandPath())
	case len(of.locks)+len(of.elections) != 1:
		return errors.New("--lock and --elect: give one of them once, with a name, for the command after --")
	}
	c.command, c.everything, c.ttl, c.owner = args, true, of.TTL, of.Owner
	if len(of.locks) == 1 {
		c.name = lockName(of.locks[0])
	} else {
		c.name, c.elect = lockName(of.elections[0]), &c.candidacy
		c.candidacy.value, c.candidacy.priority = of.value, of.priority
	}
	for _, flag := range []string{"value", "priority", "keep"} {
		if c.elect == nil && fs.Changed(flag) {
			return fmt.Errorf("--%s: is of elections; say --elect, or leave it out", flag)
		}
	}
	return c.complete(fs, environ)
}

// run is gate mode's whole work, with what the flags and arguments of cmd say.
func (c *gateConfig) run(cmd *cobra.Command, a *app, of *sidecarConfig, args []string) error {
	if err := c.load(cmd, of, args, a.environ); err != nil {
		return &codedError{exitBroken, &usageError{command: cmd.CommandPath(), err: err}}
	}
	if err := c.findProgram(); err != nil {
		return err
	}
	return runGate(cmd.Context(), a, &c.lockConfig)
}

// runGate runs the command under the lock or the lead. As a container's first process it starts
// another for that, which is not pid 1 and comes here again, and looks after whoever loses its
// parent in the container.
func runGate(ctx context.Context, a *app, cfg *lockConfig) error {
	if os.Getpid() != 1 {
		return runUnderLock(ctx, a, cfg)
	}
	status, err := supervise.Init(ctx)
	switch {
	case err != nil:
		return &codedError{exitBroken, fmt.Errorf("%w; the command was not run", err)}
	case status.Signaled():
		number := status.Signal()
		return &codedError{128 + int(number), fmt.Errorf("the process that keeps %s was ended by a signal (%v); what runs in this container ends now, and the TTL frees the lock", cfg.thing(), number)}
	case status.ExitStatus() != exitOK:
		return &codedError{status.ExitStatus(), errSilent}
	}
	return nil
}
