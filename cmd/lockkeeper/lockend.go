package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

var (
	// errTurnDidNotCome ends a wait when --wait is over.
	errTurnDidNotCome = errors.New("not acquired in time")
	// errOverdue is the loss of a lock that could not be renewed in time.
	errOverdue = errors.New("no member has answered for too long")
)

// noAnswer is the end of an attempt to which no member has said anything in time.
func noAnswer(within time.Duration, flag string) error {
	return fmt.Errorf("%w: no answer within %v (%s)", sdk.ErrUnavailable, within, flag)
}

// noWord says that no member has said anything of the wait, and where to look.
func (r *lockRun) noWord() string {
	return fmt.Sprintf("waiting for %s, but no member has answered: none can be reached, or there is no quorum; 'lockkeeper status' tells how they are", r.cfg.thing())
}

// onLostTimeout bounds the command of --on-lost: then it is killed.
const onLostTimeout = 30 * time.Second

// turnDidNotCome says who holds the lock that was not acquired in time.
func (r *lockRun) turnDidNotCome(last sdk.Wait) error {
	if r.cfg.barrier != nil {
		return r.didNotCome()
	}
	text := fmt.Sprintf("%s was not acquired within %v (--wait)", r.cfg.thing(), r.cfg.wait)
	if who := heldBy(last.Holder, time.Now()); who != "" {
		text += "; it is " + who
	}
	return &codedError{exitNotAcquired, fmt.Errorf("%s. The command was not run; 'lockkeeper %s %s' shows who waits", text, r.cfg.inspecting(), r.cfg.name)}
}

// notAcquired gives the error of an attempt to acquire the lock its exit code, and says what to do.
func (r *lockRun) notAcquired(ctx context.Context, err error) error {
	if by, ok := errors.AsType[*signalled](context.Cause(ctx)); ok {
		return &codedError{by.exitCode(), fmt.Errorf("%v while waiting for %s; the command was not run", by, r.cfg.thing())}
	}
	held, isHeld := errors.AsType[*sdk.HeldError](err)
	switch {
	case isHeld:
		who := heldBy(held.Holder, time.Now())
		if who == "" {
			who = "waited for by others"
		}
		what := r.cfg.thing()
		if len(r.cfg.also) > 0 {
			what = fmt.Sprintf("lock %q", held.Name)
		}
		return &codedError{exitNotAcquired, fmt.Errorf("%s is %s. The command was not run; leave out --try to wait", what, who)}
	case errors.Is(err, sdk.ErrNoPermits):
		return &codedError{exitNotAcquired, fmt.Errorf("%w. The command was not run; leave out --try to wait", err)}
	case errors.Is(err, sdk.ErrInput):
		return &codedError{exitBroken, fmt.Errorf("%w. The command was not run", err)}
	case errors.Is(err, sdk.ErrUncertain):
		return &codedError{exitUnknown, fmt.Errorf(
			"%w: %s may be held for %v more; the command was not run. Run it again: it waits that long at most", err, r.cfg.thing(), r.cfg.ttl)}
	case errors.Is(err, sdk.ErrUnreachable), errors.Is(err, sdk.ErrUnavailable), errors.Is(err, sdk.ErrShuttingDown),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, errTurnDidNotCome):
		return &codedError{exitUnreachable, fmt.Errorf(
			"%s: %w\nThe command was not run. 'lockkeeper status' tells how the members are, --endpoints names others", r.cfg.thing(), err)}
	default:
		return &codedError{exitBroken, fmt.Errorf("%s: %w. The command was not run", r.cfg.thing(), err)}
	}
}

// heldBy says who holds a lock, since when and why; nothing where that is not known.
func heldBy(c sdk.Contender, now time.Time) string {
	if c.Owner == "" && c.Session == 0 {
		return ""
	}
	text := "held by " + printable(c.Who())
	if !c.Since.IsZero() {
		text += " for " + lasting(now, c.Since)
	}
	if c.Reason != "" {
		text += " (" + printable(c.Reason) + ")"
	}
	return text
}

// onLost begins the end of the command: the hold is lost, or cannot be kept. It does nothing when
// called again, or when the command's group is gone already.
func (w *lockWork) onLost(why error) {
	if w.lost || w.gone {
		return
	}
	w.lost = true
	w.say("%s is lost: %v; the command gets SIGTERM, and SIGKILL after %v at the latest", w.cfg.thing(), why, w.grace.Round(time.Millisecond))
	_ = w.guard.Stop() // if the guard is gone its reports end
	w.giveUp = time.After(w.grace + goneTimeout)
	w.tellLost(why)
}

// tellLost writes the event of a loss, and runs the command of --on-lost.
func (w *lockWork) tellLost(why error) {
	cause, reason := "overdue", ""
	if known, ok := errors.AsType[*sdk.LostError](why); ok {
		cause, reason = string(known.Cause), known.Reason
	}
	w.events.write(lockEvent{Event: "lost", Token: w.token, Cause: cause, Reason: reason})
	if len(w.cfg.aftermath) > 0 {
		env := append(w.environment(), "LOCKKEEPER_LOST="+cause)
		w.wg.Go(func() { w.runOnLost(env) })
	}
}

// runOnLost runs the command of --on-lost, whose words all go to standard error: standard output
// is the command's own.
func (r *lockRun) runOnLost(env []string) {
	ctx, cancel := context.WithTimeout(context.Background(), onLostTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.cfg.aftermath[0], r.cfg.aftermath[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, r.app.stderr, r.app.stderr
	// All of it, and no longer than this process: it is nobody's to look after then.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Run(); err != nil {
		r.say("--on-lost %s: %v", strings.Join(r.cfg.aftermath, " "), err)
	}
}

// lostBeforeStart is the end of a hold that was over before the command could begin.
func (w *lockWork) lostBeforeStart() error {
	err := w.hold.Err()
	w.lost = true
	w.tellLost(err)
	return &codedError{exitLost, fmt.Errorf("%s was lost before the command could begin: %w; it was not run", w.cfg.thing(), err)}
}

// release gives the lock back, whose command and all of its group are gone, and returns what the
// whole ends with. failed is why the command did not run, or its guard ended; else nil.
func (w *lockWork) release(ctx context.Context, failed error) error {
	if w.cfg.barrier != nil {
		return w.leaveBarrier(ctx, failed)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, releaseTimeout, sdk.ErrUncertain)
	defer cancel()
	err := w.giveBack(ctx)
	if err == nil {
		w.events.write(lockEvent{Event: "released", Token: w.token})
	}
	switch {
	case failed != nil:
		return failed
	case w.heir.Token != 0 && !w.lost && !errors.Is(err, sdk.ErrLost):
		return w.handedOver(err)
	case w.lost:
		return &codedError{exitLost, fmt.Errorf("the command was ended because %s was lost (it ended with code %d). Run it again, or look at what it has done: others may hold it now", w.cfg.thing(), w.code)}
	case errors.Is(err, sdk.ErrLost):
		w.tellLost(err)
		return &codedError{exitLost, fmt.Errorf("%s was lost while the command ran: %w. It ended by itself, with code %d, and may not have been alone", w.cfg.thing(), err, w.code)}
	case err != nil:
		w.say("the release of %s is not confirmed: %v. It will pass on within %v", w.cfg.thing(), err, w.hold.Session().TTL())
		if w.code == 0 {
			return &codedError{exitUnknown, errors.New("the command returned 0; whether it held the lock to its end is not known, because no member can be asked. 'lockkeeper status' tells how they are")}
		}
	}
	if w.code != 0 {
		return &codedError{w.code, errSilent}
	}
	return nil
}
