package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// The exit codes of lock itself. The command's own pass through, so these keep away from what
// programs commonly use: small numbers, sysexits (64-78), signals (128 and more), timeout (124).
// 125 to 127 mean what they mean to env, timeout and the shells.
const (
	exitNotAcquired = 112
	exitLost        = 113
	exitUnknown     = 114
	exitUnreachable = 115
	exitBroken      = 125
	exitCannotRun   = 126
	exitNoProgram   = 127
)

const lockExitHelp = `Exit codes: the command's own, 128 + n where signal n ended it, and of lock itself:
  112  not acquired: held by another until --wait was over, or --try; the command has not run
  113  the lock was lost, or could not be kept, while the command ran: it was ended
  114  the outcome is not known: whether the lock was got (the command has not run), or whether
       it was held to the end of a command that returned 0
  115  no member could be reached, or there is no quorum; the command has not run
  125  wrong flag or argument, or a failure of lock itself
  126  the command was found and cannot be run
  127  the command cannot be found`

// graceShare is the part of the TTL that the grace takes where --grace is not given, defaultGrace
// its most.
const (
	graceShare   = 3
	defaultGrace = 5 * time.Second
)

// A lockConfig is what the lock command is told.
type lockConfig struct {
	members clientConfig
	name    string
	command []string
	program string // command[0] as it was found

	wait      time.Duration // 0: for ever
	try       bool
	ttl       time.Duration
	grace     time.Duration // 0: from the TTL
	owner     string
	reason    string
	compat    string
	also      []string // locks that are taken together with name
	mode      string
	delay     time.Duration
	permits   int // of a semaphore; 0: it is a lock
	limit     int // of that; 0: what stands
	onLost    string
	events    string
	aftermath []string // onLost, split

	again      bool // after a loss wait anew, and run the command anew
	everything bool // ends with the command, not only its group

	elect   *electConfig   // of an election; nil: it is none
	barrier *barrierConfig // of a double barrier; nil: it is none
}

func newLock(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lock NAME [flags] -- COMMAND [ARG...]",
		Short: "Run a command while holding a lock",
		Long: "Lock waits for the lock NAME, runs COMMAND while it holds it, and releases it when the command\n" +
			"and all processes of its group have ended. No shell stands in between. The command finds the\n" +
			"lock's name and the fencing token in LOCKKEEPER_LOCK and LOCKKEEPER_TOKEN; standard input,\n" +
			"output, error and signals pass through.\n\n" +
			"When the lock is lost, or cannot be renewed in time, the command's group gets SIGTERM, and\n" +
			"SIGKILL after --grace: before the lock can pass on, unless it was taken away by force. It dies\n" +
			"with this process, too. docs/run-under-a-lock.md says how, and what it cannot promise.\n\n" + lockExitHelp,
		Example: "  lockkeeper lock encoder --permits 1 --limit 4 -- ./encode.sh\n" +
			"  lockkeeper lock nightly-report -- ./report.sh --all\n" +
			"  lockkeeper lock deploy/web --try --reason 'release 42' -- make deploy\n" +
			"  lockkeeper lock orders/42 --wait 30s -- sh -c 'flush && push \"$LOCKKEEPER_TOKEN\"'",
		ValidArgsFunction: completeLockCommand(a),
	}
	return runningUnder(a, cmd, &lockConfig{})
}

// runningUnder makes cmd run a command under what cfg says, with its flags.
func runningUnder(a *app, cmd *cobra.Command, cfg *lockConfig) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := cfg.load(cmd, args, a.environ); err != nil {
			return &codedError{exitBroken, &usageError{command: cmd.CommandPath(), err: err}}
		}
		if err := cfg.findProgram(); err != nil {
			return err
		}
		return runUnderLock(cmd.Context(), a, cfg)
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &codedError{exitBroken, &usageError{command: cmd.CommandPath(), err: err}}
	})
	cfg.bind(cmd.Flags())
	return cmd
}

func (c *lockConfig) bind(fs *pflag.FlagSet) {
	fs.SortFlags = false
	if c.barrier != nil {
		c.barrier.bind(fs)
		fs.DurationVar(&c.wait, "wait", 0, "`duration` to wait at most until all are there (default: for ever)")
	} else {
		fs.DurationVar(&c.wait, "wait", 0, "`duration` to wait for the lock at most (default: for ever)")
		fs.BoolVar(&c.try, "try", false, "do not wait at all")
		fs.StringVar(&c.reason, "reason", "", "`text` that says why, to those who wait and to operators")
	}
	fs.StringVar(&c.owner, "owner", "", "`text` that says who (default: user@host:pid)")
	fs.DurationVar(&c.ttl, "ttl", sdk.DefaultTTL, "`duration` for which others wait when this machine dies, and an outage may last")
	fs.DurationVar(&c.grace, "grace", 0, "`duration` between SIGTERM and SIGKILL (default: a third of --ttl, at most 5s)")
	switch {
	case c.barrier != nil:
	case c.elect != nil:
		c.elect.bind(fs, &c.again)
		fs.StringVar(&c.compat, "compat", "", "`all` is for unmodified kazoo clients, too; latch for Curator's LeaderLatch in place of its LeaderSelector")
	default:
		fs.StringVar(&c.compat, "compat", "", "`all` keeps unmodified kazoo clients away from the lock, too")
		fs.StringArrayVar(&c.also, "also", nil, "another lock's `name`, to be taken together with NAME: all or none; may be repeated")
		fs.StringVar(&c.mode, "mode", "", "`read` or write: share the lock with other readers, or with nobody (default: with nobody)")
		fs.DurationVar(&c.delay, "lock-delay", 0, "`duration` for which the lock rests if this machine dies while it holds it")
		fs.IntVar(&c.permits, "permits", 0, "take so many permits of the semaphore NAME instead of the lock")
		fs.IntVar(&c.limit, "limit", 0, "of --permits: how many the semaphore has; the first who says so sets it (default: what is set)")
	}
	fs.StringVar(&c.onLost, "on-lost", "", "`command` to run when the lock is lost, with its arguments; no shell but as sh -c '…'")
	fs.StringVar(&c.events, "events", "", "`file` to append events to, as JSON lines; - is standard error, /dev/fd/3 an open file")
	c.members.bindEndpoints(fs)
	fs.DurationVar(&c.members.timeout, "timeout", 5*time.Second, "to reach a member at the start; LOCKKEEPER_TIMEOUT")
}

// load takes the arguments and completes the flags.
func (c *lockConfig) load(cmd *cobra.Command, args, environ []string) error {
	fs := cmd.Flags()
	if dash := fs.ArgsLenAtDash(); dash != 1 || len(args) < 2 {
		return fmt.Errorf("say which %s and, after --, what to run: %s NAME -- COMMAND [ARG...]", c.kind(), cmd.CommandPath())
	}
	c.name, c.command = lockName(args[0]), args[1:]
	return c.complete(fs, environ)
}

// complete takes what the environment says besides the flags, and checks the whole.
func (c *lockConfig) complete(fs *pflag.FlagSet, environ []string) error {
	if err := c.members.load(fs, environ); err != nil {
		return err
	}
	switch {
	case c.try && fs.Changed("wait"):
		return errors.New("--try and --wait: give one of them")
	case fs.Changed("wait") && c.wait <= 0 && c.barrier != nil:
		return errors.New("--wait: must be greater than 0; without it, it waits for ever")
	case fs.Changed("wait") && c.wait <= 0:
		return errors.New("--wait: must be greater than 0; --try does not wait, and without both it waits for ever")
	case fs.Changed("compat") && c.compat != "all" && (c.elect == nil || c.compat != "latch"):
		return fmt.Errorf("--compat: is %.20q; say %s, or leave it out", c.compat, c.compats())
	case fs.Changed("mode") && c.mode != "read" && c.mode != "write":
		return fmt.Errorf("--mode: is %.20q; say read or write, or leave it out", c.mode)
	case c.delay < 0:
		return errors.New("--lock-delay: must not be below 0")
	case c.permits > 0 && (c.mode != "" || c.delay != 0 || len(c.also) > 0):
		return errors.New("--mode, --lock-delay and --also: are for locks, not for --permits")
	case len(c.also) > 0 && c.mode != "":
		return errors.New("--also and --mode: several locks are shared with nobody; leave one of the flags out")
	case fs.Changed("permits") && c.permits < 1:
		return errors.New("--permits: must be greater than 0")
	case fs.Changed("limit") && (c.limit < 1 || c.permits == 0):
		return errors.New("--limit: says how many permits there are, and needs --permits; must be greater than 0")
	case c.permits > 0 && c.compat != "":
		return errors.New("--compat: is for locks; semaphores keep to Curator's layout")
	case c.ttl <= 0:
		return errors.New("--ttl: must be greater than 0")
	case c.grace < 0 || (fs.Changed("grace") && c.grace == 0):
		return errors.New("--grace: must be greater than 0; 1ms is as good as at once")
	}
	if c.grace > 0 {
		if err := checkGrace(c.grace, c.ttl); err != nil {
			return err
		}
	}
	if c.elect != nil {
		if err := c.elect.validate(); err != nil {
			return err
		}
	}
	if c.barrier != nil {
		if err := c.barrier.validate(fs); err != nil {
			return err
		}
	}
	var err error
	if c.aftermath, err = splitCommand(c.onLost); err != nil {
		return fmt.Errorf("--on-lost: %w", err)
	}
	return nil
}

// timing returns the grace and the margin for the TTL that the service has granted.
func (c *lockConfig) timing(ttl time.Duration) (grace, margin time.Duration, err error) {
	grace = c.grace
	if grace == 0 {
		grace = min(defaultGrace, ttl/graceShare)
	}
	return grace, killMargin(ttl), checkGrace(grace, ttl)
}

// killMargin returns the time that is kept between SIGKILL and the end of a session with this TTL.
func killMargin(ttl time.Duration) time.Duration {
	return min(max(ttl/20, 100*time.Millisecond), 500*time.Millisecond)
}

// checkGrace refuses a grace that would have SIGTERM sent in ordinary life. A session is renewed
// each third of its TTL; half of it must be left for that, and for an answer that is late.
func checkGrace(grace, ttl time.Duration) error {
	longest := ttl/2 - killMargin(ttl)
	if grace <= longest {
		return nil
	}
	return fmt.Errorf("--grace: %v is too long for a TTL of %v, of which renewals need the first half: give at most %v, or a --ttl of at least %v",
		grace, ttl, longest.Truncate(time.Millisecond), shortestTTL(grace))
}

// shortestTTL returns the least TTL, in seconds, that a grace fits.
func shortestTTL(grace time.Duration) time.Duration {
	ttl := (2 * grace).Truncate(time.Second)
	for ttl/2-killMargin(ttl) < grace {
		ttl += time.Second
	}
	return ttl
}

// completeLockCommand completes the lock's name, and then files: the command's.
func completeLockCommand(a *app) cobra.CompletionFunc {
	names := completeLocks(a)
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return names(cmd, args, typed)
	}
}
