package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lockkeeper/lockkeeper/internal/supervise"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A gateConfig is what a container's entry point is told, whose command runs only while a lock is
// held or an election led.
type gateConfig struct {
	lockConfig
	lock, election string // one of the two, from which the rest follows
	candidacy      electConfig
}

func newGateConfig() *gateConfig { return &gateConfig{} }

func (c *gateConfig) bind(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&c.lock, "lock", "", "`name` of the lock that COMMAND needs")
	fs.StringVar(&c.election, "elect", "", "`name` of the election that COMMAND leads in")
	fs.DurationVar(&c.wait, "wait", 0, "`duration` to wait for the lock or the lead at most (default: for ever)")
	fs.DurationVar(&c.ttl, "ttl", sdk.DefaultTTL, "`duration` for which others wait when this machine dies, and an outage may last")
	fs.DurationVar(&c.grace, "grace", 0, "`duration` between SIGTERM and SIGKILL (default: a third of --ttl, at most 5s)")
	fs.StringVar(&c.reason, "reason", "", "`text` that says why, to those who wait and to operators")
	fs.StringVar(&c.owner, "owner", "", "`text` that says who (default: user@host:pid)")
	fs.BoolVar(&c.again, "again", false, "wait again after a loss or a hand-over, and run COMMAND anew")
	fs.StringVar(&c.candidacy.value, "value", "", "of --elect: `text` that the leader says to everybody: its address, for example")
	fs.IntVar(&c.candidacy.priority, "priority", 0, "of --elect: `number`, from 0 to 1000000; a leader of lower priority is asked to hand over")
	fs.BoolVar(&c.candidacy.keep, "keep", false, "of --elect: do not hand over to a candidate of higher priority")
	fs.StringVar(&c.onLost, "on-lost", "", "`command` to run when the lock or the lead is lost, with its arguments; no shell but as sh -c '…'")
	fs.StringVar(&c.events, "events", "", "`file` to append events to, as JSON lines; - is standard error, /dev/fd/3 an open file")
	c.members.bindEndpoints(fs)
	fs.DurationVar(&c.members.timeout, "timeout", 5*time.Second, "to reach a member at the start; LOCKKEEPER_TIMEOUT")
}

// load takes the arguments and completes the flags.
func (c *gateConfig) load(cmd *cobra.Command, args, environ []string) error {
	fs := cmd.Flags()
	switch {
	case fs.ArgsLenAtDash() != 0 || len(args) == 0:
		return fmt.Errorf("say after -- what to run: %s --lock NAME -- COMMAND [ARG...]", cmd.CommandPath())
	case (c.lock == "") == (c.election == ""):
		return errors.New("--lock and --elect: give one of them, with a name")
	}
	c.command, c.everything = args, true
	if c.name = lockName(c.lock); c.election != "" {
		c.name, c.elect = lockName(c.election), &c.candidacy
	}
	for _, flag := range []string{"value", "priority", "keep"} {
		if c.elect == nil && fs.Changed(flag) {
			return fmt.Errorf("--%s: is of elections; say --elect, or leave it out", flag)
		}
	}
	return c.complete(fs, environ)
}

// run is a command's whole work, with what the flags and arguments of cmd say.
func (c *gateConfig) run(cmd *cobra.Command, a *app, args []string) error {
	if err := c.load(cmd, args, a.environ); err != nil {
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
