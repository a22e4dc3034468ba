package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// exitOthersStay is lock's exit code for a command that has returned 0, where others were still at the
// double barrier when the time to wait for them was over.
const exitOthersStay = 116

// A barrierConfig is what 'barrier enter' is told besides what lock is told.
type barrierConfig struct {
	count     int
	leaveWait time.Duration // below 0: for ever
}

func newEnterConfig() *lockConfig { return &lockConfig{barrier: &barrierConfig{}} }

const enterExitHelp = `Exit codes: the command's own, 128 + n where signal n ended it or a wait, and of enter itself:
  112  not entered: not enough came until --wait was over; the command has not run
  113  the session was lost, or could not be kept, while the command ran: it was ended
  114  the outcome is not known: whether the barrier was entered (the command has not run), or
       whether the others have left, after a command that returned 0
  115  no member could be reached, or there is no quorum; the command has not run
  116  the command returned 0, and others were still there when --leave-wait was over
  125  wrong flag or argument, another --count than that of the others, or a failure of enter itself
  126  the command was found and cannot be run
  127  the command cannot be found`

func newBarrierEnter(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enter NAME --count N [flags] -- COMMAND [ARG...]",
		Short: "Run a command together with others: begin when all are there, end when all have ended",
		Long: "Enter waits at the double barrier NAME until N participants are there, runs COMMAND, leaves the\n" +
			"barrier, and waits until the others have left, too. With 'true' as COMMAND it is a meeting point.\n" +
			"A participant whose machine dies is out after --ttl: the others neither count it nor wait for it.\n\n" +
			"The same care is taken of the command as by 'lockkeeper lock': it is ended when the session is\n" +
			"lost, because the others take it for gone then. It finds the barrier's name in LOCKKEEPER_BARRIER.\n\n" + enterExitHelp,
		Example: "  lockkeeper barrier enter load-test --count 3 -- ./generate-load.sh\n" +
			"  lockkeeper barrier enter nodes-up --count 5 --wait 10m --leave-wait 0s -- true && ./start.sh",
	}
	return runningUnder(a, cmd, newEnterConfig())
}

func (c *barrierConfig) bind(fs *pflag.FlagSet) {
	fs.IntVar(&c.count, "count", 0, "how many participants there are, the same `number` for all")
	fs.DurationVar(&c.leaveWait, "leave-wait", 0, "`duration` to wait at most until the others have left; 0s: not at all (default: for ever)")
}

func (c *barrierConfig) validate(fs *pflag.FlagSet) error {
	switch {
	case c.count < 1:
		return errors.New("--count: say how many participants there are, at least 1")
	case c.leaveWait < 0:
		return errors.New("--leave-wait: must not be below 0; without it, it waits for ever")
	case !fs.Changed("leave-wait"):
		c.leaveWait = -1
	}
	return nil
}

// A participant is what a command runs under that is at a double barrier.
type participant struct {
	session *sdk.Session
	barrier *sdk.DoubleBarrier
}

// Token returns none: a barrier gives none.
func (p participant) Token() sdk.Token { return 0 }

// Session returns the participant's session, which holds nothing else.
func (p participant) Session() *sdk.Session { return p.session }

// Deadline returns when the participant is out if nothing more is heard of the service.
func (p participant) Deadline() time.Time { return p.session.Deadline() }

// Lost returns a channel that is closed when the session is lost.
func (p participant) Lost() <-chan struct{} { return p.session.Lost() }

// Err returns why the participant is out; nil while it is not.
func (p participant) Err() error { return p.session.Err() }

// Unlock leaves the barrier, and waits for the others.
func (p participant) Unlock(ctx context.Context) error { return p.barrier.Leave(ctx) }

// enter waits until all are at the double barrier.
func (r *lockRun) enter(ctx context.Context, line *waitLine) (holding, error) {
	for first := true; ; first = false {
		s, err := r.client.OpenSession(ctx)
		if err != nil {
			return nil, r.unanswered(ctx, err)
		}
		b := s.DoubleBarrier(r.cfg.name, r.cfg.barrier.count)
		if first {
			if err := r.sayWhoIsThere(ctx, b); err != nil {
				return nil, r.unanswered(ctx, err)
			}
			line.answered()
		}
		err = b.Enter(ctx)
		if err == nil {
			return participant{s, b}, nil
		}
		if ctx.Err() != nil || !errors.Is(err, sdk.ErrSessionLost) {
			return nil, err
		} // else as whoever waits for a lock: by another session
	}
}

// unanswered is err, or where --wait was over first, that nobody has said anything: not that too few came.
func (r *lockRun) unanswered(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errTurnDidNotCome) {
		return noAnswer(r.cfg.wait, "--wait")
	}
	return err
}

// sayWhoIsThere says how many are missing, where it has to be waited for them.
func (r *lockRun) sayWhoIsThere(ctx context.Context, b *sdk.DoubleBarrier) error {
	g, err := b.Gathering(ctx)
	if err != nil {
		return err
	}
	if there := g.Total + 1; !g.Open && there < r.cfg.barrier.count {
		r.say("waiting at %s: %d of %d are there", r.cfg.thing(), there, r.cfg.barrier.count)
		r.events.write(lockEvent{Event: "waiting", Position: r.cfg.barrier.count - there})
	}
	return nil
}

// didNotCome says that not all came in time.
func (r *lockRun) didNotCome() error {
	return &codedError{exitNotAcquired, fmt.Errorf("%s was not entered within %v (--wait): fewer than %d came. The command was not run", r.cfg.thing(), r.cfg.wait, r.cfg.barrier.count)}
}

// sayWhoStays says for how many the wait will be, as far as that is known.
func (w *lockWork) sayWhoStays(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if g, err := w.hold.(participant).barrier.Gathering(ctx); err == nil && g.Total > 1 {
		w.say("the command has ended, with code %d; waiting for %d others to leave %s", w.code, g.Total-1, w.cfg.thing())
	}
}

// errOthersStay ends the wait for the others to leave.
var errOthersStay = errors.New("others are still there")

// leaveBarrier leaves the barrier, whose command and all of its group are gone, and waits for the
// others. It returns what the whole ends with. failed is why the command did not run, or its guard
// ended; else nil.
func (w *lockWork) leaveBarrier(ctx context.Context, failed error) error {
	err := w.hold.Err()
	switch {
	case failed != nil:
		return failed // with the session the participant is out
	case w.lost:
		return &codedError{exitLost, fmt.Errorf("the command was ended because %s was lost (it ended with code %d): the others take it for gone", w.cfg.thing(), w.code)}
	case err != nil:
		w.tellLost(err)
		return &codedError{exitLost, fmt.Errorf("%s was lost while the command ran: %w. It ended by itself, with code %d", w.cfg.thing(), err, w.code)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer w.watchSignals(cancel)()
	wait := w.cfg.barrier.leaveWait
	if w.ending {
		wait = 0 // whoever has the command end waits for nobody
	}
	w.events.write(lockEvent{Event: "leaving"})
	if wait != 0 {
		w.sayWhoStays(ctx)
	}
	if wait >= 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, wait, errOthersStay)
		defer stop()
	}
	err = w.hold.Unlock(ctx)
	stay := errors.Is(err, errOthersStay)
	if err == nil || stay {
		w.events.write(lockEvent{Event: "left"})
	}
	by, interrupted := errors.AsType[*signalled](context.Cause(ctx))
	switch {
	case err == nil, stay && wait == 0:
	case stay:
		w.say("%v at %s after %v (--leave-wait)", errOthersStay, w.cfg.thing(), wait)
		if w.code == 0 {
			return &codedError{exitOthersStay, errSilent}
		}
	case interrupted:
		return &codedError{by.exitCode(), fmt.Errorf("%v while waiting for the others to leave %s; the command had ended with code %d", by, w.cfg.thing(), w.code)}
	default:
		w.say("whether all have left %s is not known: %v", w.cfg.thing(), err)
		if w.code == 0 {
			return &codedError{exitUnknown, errSilent}
		}
	}
	if w.code != 0 {
		return &codedError{w.code, errSilent}
	}
	return nil
}
