package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/internal/supervise"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// longestRelay is the most that a renewal may be known here before the guard is told.
const longestRelay = 500 * time.Millisecond

// A lockWork is the time in which the command runs.
type lockWork struct {
	*lockRun
	hold     holding
	token    sdk.Token
	grace    time.Duration
	deadline time.Duration        // as the guard knows it
	jeopardy bool                 // told
	lost     bool                 // told, and the command is being ended
	asked    <-chan sdk.Contender // who asks for the lead; nil: nobody can
	heir     sdk.Contender        // who is to have it when the command has ended; zero: nobody
	over     <-chan struct{}      // of the hold; nil when taken
	giveUp   <-chan time.Time     // when the group should be gone for long
	code     int                  // what the command ended with
	gone     bool
}

// work runs the command while the lock is held, and releases the lock when nobody of its group is
// left. An error has its exit code.
func (r *lockRun) work(ctx context.Context, hold holding) error {
	w := &lockWork{lockRun: r, hold: hold, token: hold.Token(), over: hold.Lost()}
	w.asked = r.askedFor()
	until := hold.Deadline()
	r.events.write(lockEvent{Event: r.cfg.begins(), Token: w.token, Deadline: someTime(until)})
	err := w.start()
	if err == nil {
		err = w.follow()
	}
	if left := r.closeGuard(); left != nil {
		// The lock stays ours until its session ends by itself: the best that can be done. Nobody is
		// to run beside what is left.
		r.ending = true
		return &codedError{exitLost, fmt.Errorf("%w; %s is not given up, and will be within %v all the same", left, r.cfg.thing(), hold.Session().TTL())}
	}
	return w.release(ctx, err)
}

// start has the guard run the command.
func (w *lockWork) start() error {
	ttl := w.hold.Session().TTL()
	grace, margin, err := w.cfg.timing(ttl)
	if err != nil {
		return &codedError{exitBroken, fmt.Errorf("the service grants a TTL of %v: %w", ttl, err)}
	}
	deadline, ok := w.bootDeadline()
	if !ok {
		return w.lostBeforeStart()
	}
	w.grace, w.deadline = grace, deadline
	// Not before: a SIGCONT that was for us, who had been stopped while we waited, would reach the command
	// at any moment, and undo a stop of its own.
	for _, sig := range []os.Signal{syscall.SIGTSTP, syscall.SIGCONT} {
		if !signal.Ignored(sig) {
			signal.Notify(w.sigs, sig)
		}
	}
	err = w.guard.Run(supervise.Order{
		Path: w.cfg.program, Args: w.cfg.command, Env: w.environment(),
		Deadline: deadline, Grace: grace, Margin: margin,
		Foreground: supervise.Foreground(int(os.Stdin.Fd())), Everything: w.cfg.everything,
	})
	if err != nil {
		return &codedError{exitBroken, fmt.Errorf("%w; the command was not run", err)}
	}
	return nil
}

// bootDeadline returns when the hold ends, on the clock of the guard; false when it has ended.
func (w *lockWork) bootDeadline() (time.Duration, bool) {
	// The clock first: if this process is stopped between the two, the result is early, not late.
	now := clock.Boot()
	until := w.hold.Deadline()
	return now + time.Until(until), !until.IsZero()
}

// environment returns the command's: ours, with the lock and its token.
func (w *lockWork) environment() []string {
	env := slices.DeleteFunc(slices.Clone(w.app.environ), func(entry string) bool {
		variable, _, _ := strings.Cut(entry, "=")
		return slices.Contains(workVariables, variable) || variable == supervise.InitVariable
	})
	env = append(env, w.cfg.variable()+"="+w.cfg.name)
	if w.token != 0 {
		env = append(env, "LOCKKEEPER_TOKEN="+strconv.FormatInt(int64(w.token), 10))
	}
	return env
}

// follow keeps the guard informed, and takes what it reports, until the command's group is gone.
func (w *lockWork) follow() error {
	ttl := w.hold.Session().TTL()
	relay := time.NewTicker(min(longestRelay, ttl/40))
	defer relay.Stop()
	for {
		select {
		case r, ok := <-w.guard.Reports():
			if !ok {
				return w.guardEnded()
			}
			if err := w.take(r); err != nil || w.gone {
				return err
			}
		case sig := <-w.sigs:
			w.pass(sig)
		case <-relay.C:
			if until, ok := w.bootDeadline(); ok && until > w.deadline {
				w.deadline = until
				_ = w.guard.Extend(until) // if the guard is gone its reports end
			}
		case s := <-w.states:
			w.tell(s)
		case <-w.over:
			w.over = nil
			w.onLost(w.hold.Err())
		case by := <-w.asked:
			w.onAsked(by)
		case <-w.giveUp:
			return nil // closing the guard says the rest
		}
	}
}

// take takes a report of the guard.
func (w *lockWork) take(r supervise.Report) error {
	switch r.Kind {
	case supervise.Failed:
		return cannotRun(w.cfg.command[0], r.Errno)
	case supervise.Stopped:
		w.stopped(r.Signal)
	case supervise.Ending:
		switch r.Why {
		case supervise.Overdue:
			w.onLost(errOverdue)
		case supervise.LeftBehind:
			w.say("%s; they are ended before the lock is released", w.cfg.leftBehind())
		}
	case supervise.Exited:
		w.code = r.Code
		w.events.write(lockEvent{Event: "ended", Token: w.token, ExitCode: &w.code})
	case supervise.Gone:
		w.gone = true
	}
	return nil
}

// pass passes a signal on to the command.
func (w *lockWork) pass(sig os.Signal) {
	number, ok := sig.(syscall.Signal)
	if ends(sig) && number != syscall.SIGHUP { // which many take for the wish that they look at their files again
		w.ending = true
	}
	switch {
	case !ok:
	case number == syscall.SIGCONT:
		_ = w.guard.Continue(supervise.Foreground(int(os.Stdin.Fd())))
	default:
		_ = w.guard.Signal(number)
	}
}

// stopped stops this process, too, where the terminal has stopped the command: a shell is to get
// its prompt back. Then nobody renews the lock; the guard ends the command in time.
func (w *lockWork) stopped(by syscall.Signal) {
	switch by {
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
	default:
		return // somebody wants just the command to stop
	}
	if !terminal(os.Stdin) {
		return
	}
	w.say("stopped: the lock is not renewed; the command is ended if it does not go on by %s", w.endsAt())
	if !supervise.Suspend() {
		_ = w.guard.Continue(supervise.Foreground(int(os.Stdin.Fd())))
	}
}

// endsAt says when the guard will end the command, by the clock on the wall.
func (w *lockWork) endsAt() string {
	return time.Now().Add(w.deadline - w.grace - killMargin(w.hold.Session().TTL()) - clock.Boot()).Format(time.TimeOnly)
}

// tell writes the events of a hold that is not renewed in time, and of one that is again.
func (w *lockWork) tell(s sdk.State) {
	switch {
	case s == sdk.Jeopardy:
		w.jeopardy = true
		w.events.write(lockEvent{Event: "jeopardy", Token: w.token, Deadline: someTime(w.hold.Deadline())})
		w.say("a renewal of the lock is overdue; without one the command is ended at %s", w.endsAt())
	case s == sdk.Held && w.jeopardy:
		w.jeopardy = false
		w.events.write(lockEvent{Event: "held", Token: w.token, Deadline: someTime(w.hold.Deadline())})
		w.say("the lock is renewed again")
	}
}

// guardEnded is what is left when the guard has ended by itself: its command is killed by the
// kernel, the rest of the group when the guard is closed.
func (w *lockWork) guardEnded() error {
	return &codedError{exitBroken, fmt.Errorf("the process that looks after the command was killed, and the command with it; %s is given up. Find out who kills processes called 'lockkeeper guard'", w.cfg.thing())}
}

// say tells a person something, in a line of its own.
func (r *lockRun) say(format string, args ...any) {
	fmt.Fprintf(r.app.stderr, "lockkeeper: "+format+"\n", args...)
}
