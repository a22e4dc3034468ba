package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// An electConfig is what the elect command is told besides what lock is told.
type electConfig struct {
	value    string
	priority int
	keep     bool
}

func newElectConfig() *lockConfig { return &lockConfig{elect: &electConfig{}} }

func newElect(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "elect NAME [flags] -- COMMAND [ARG...]",
		Short: "Run a command while leading",
		Long: "Elect campaigns for NAME, runs COMMAND while it leads, and resigns when the command and all\n" +
			"processes of its group have ended. It is to an election what lock is to a lock: the same care is\n" +
			"taken of the command, and the exit codes are the same. The command finds the election's name and\n" +
			"the term's token in LOCKKEEPER_ELECTION_NAME and LOCKKEEPER_TOKEN.\n\n" +
			"When a candidate of higher priority waits, the command is ended as on a loss, and the lead handed\n" +
			"over; --keep leaves that one waiting. With --again another term is asked for after a loss or a\n" +
			"hand-over, and the command run anew.\n\n" + electExitHelp,
		Example: "  lockkeeper elect scheduler --value \"$HOSTNAME:8080\" --again -- ./scheduler\n" +
			"  lockkeeper elect db/primary --priority 10 -- ./promote.sh",
		ValidArgsFunction: completeLockCommand(a),
	}
	return runningUnder(a, cmd, newElectConfig())
}

const electExitHelp = `Exit codes: the command's own, 128 + n where signal n ended it, and of elect itself:
  112  not elected: another led until --wait was over, or --try; the command has not run
  113  the lead was lost, or could not be kept, or was handed over to a candidate of higher
       priority, while the command ran: it was ended
  114  the outcome is not known: whether the term was got (the command has not run), or whether
       it lasted to the end of a command that returned 0
  115  no member could be reached, or there is no quorum; the command has not run
  125  wrong flag or argument, or a failure of elect itself
  126  the command was found and cannot be run
  127  the command cannot be found`

func (c *electConfig) bind(fs *pflag.FlagSet, again *bool) {
	fs.StringVar(&c.value, "value", "", "`text` that the leader says to everybody: its address, for example (default: --owner)")
	fs.IntVar(&c.priority, "priority", 0, "`number`, from 0 to 1000000; a leader of lower priority is asked to hand over")
	fs.BoolVar(again, "again", false, "campaign again after a loss or a hand-over, and run the command anew")
	fs.BoolVar(&c.keep, "keep", false, "do not hand over to a candidate of higher priority")
}

func (c *electConfig) validate() error {
	if c.priority < 0 || c.priority > 1_000_000 {
		return errors.New("--priority: must be between 0 and 1000000")
	}
	return nil
}

// compats are the values of --compat.
func (c *lockConfig) compats() string {
	if c.elect != nil {
		return "all or latch"
	}
	return "all"
}

// campaign waits for the lead.
func (r *lockRun) campaign(ctx context.Context, options []sdk.LockOption) (*sdk.Hold, error) {
	c := r.cfg.elect
	options = append(options, sdk.WithPriority(c.priority))
	if r.cfg.owner != "" {
		options = append(options, sdk.WithLockOwner(r.cfg.owner))
	}
	if r.cfg.compat == "latch" {
		options = append(options, sdk.WithCompatLatch())
	}
	e := r.client.Election(r.cfg.name, options...)
	take := e.Campaign
	if r.cfg.try {
		take = e.TryCampaign
	}
	term, err := take(ctx, cmp.Or(c.value, r.client.Owner()))
	if err != nil {
		return nil, err
	}
	r.term = term
	return term.Hold(), nil
}

// askedFor returns where those are told who ask for the lead; nil where that is of no interest.
func (r *lockRun) askedFor() <-chan sdk.Contender {
	if r.term == nil || r.cfg.elect.keep {
		return nil
	}
	return r.term.Asked()
}

// onAsked begins the end of the command, after which the lead is handed over.
func (w *lockWork) onAsked(by sdk.Contender) {
	if w.lost || w.gone {
		return
	}
	first := w.heir.Token == 0
	if w.heir = by; !first {
		return // and the command is being ended
	}
	w.say("%s, of priority %d, asks for the lead; the command gets SIGTERM, and SIGKILL after %v at the latest", printable(by.Who()), by.Priority, w.grace.Round(time.Millisecond))
	_ = w.guard.Stop() // if the guard is gone its reports end
	w.giveUp = time.After(w.grace + goneTimeout)
	w.events.write(lockEvent{Event: "asked", Token: w.token, Holder: by.Who()})
}

// giveBack releases the lock, or hands the lead over.
func (w *lockWork) giveBack(ctx context.Context) error {
	if w.heir.Token == 0 || w.lost {
		return w.hold.Unlock(ctx)
	}
	err := w.term.HandOver(ctx, w.heir.Token)
	if errors.Is(err, sdk.ErrNoCandidate) || errors.Is(err, sdk.ErrInput) {
		w.say("%v; the next in line leads", err)
		return nil
	}
	return err
}

// handedOver is what is left to say when the lead was given up for another candidate.
func (w *lockWork) handedOver(err error) error {
	if err != nil {
		w.say("the hand-over of %s is not confirmed: %v. It will pass on within %v", w.cfg.thing(), err, w.hold.Session().TTL())
	}
	return &codedError{exitLost, fmt.Errorf("the command was ended because a candidate of higher priority, %s, asked for %s (it ended with code %d)", printable(w.heir.Who()), w.cfg.thing(), w.code)}
}
