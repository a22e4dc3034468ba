package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/supervise"
	"github.com/lockkeeper/lockkeeper/sdk"
)

const (
	// releaseTimeout bounds the release of the lock when the command has ended, and the leaving of
	// the queue: then the session's end does it.
	releaseTimeout = 10 * time.Second
	// farewell bounds the end of the session where no member has answered before.
	farewell = time.Second
	// goneTimeout bounds the wait for a group after SIGKILL was due: processes in uninterruptible
	// sleep go when their disk answers.
	goneTimeout = 10 * time.Second
	// signalBuffer is how many signals may wait to be passed on; more are lost, as signals of one
	// kind are anyway.
	signalBuffer = 64
)

// A lockRun is one run of the lock command.
type lockRun struct {
	app    *app
	cfg    *lockConfig
	events *lockEvents
	sigs   chan os.Signal
	guard  *supervise.Guard
	client *sdk.Client
	states chan sdk.State // of the hold that is asked for, or there
	term   *sdk.Term      // of an election; nil: a lock's, or not yet
	ending bool           // not to run again: a signal has asked, or the command cannot be ended
	wg     sync.WaitGroup // counts the command of --on-lost
}

// A signalled error says that a signal ended the wait for a lock.
type signalled struct{ sig os.Signal }

func (e *signalled) Error() string { return e.sig.String() }

// exitCode is a shell's for what a signal has ended.
func (e *signalled) exitCode() int {
	if number, ok := e.sig.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return exitFailure
}

// runUnderLock runs the command under the lock. ctx brings no end, unless it has come already:
// signals are taken here, since the command is to have them.
func runUnderLock(ctx context.Context, a *app, cfg *lockConfig) (err error) {
	r := &lockRun{app: a, cfg: cfg, sigs: make(chan os.Signal, signalBuffer)}
	supervise.Notify(r.sigs)
	defer signal.Stop(r.sigs)
	if ctx.Err() != nil { // a signal that came before these lines
		r.sigs <- syscall.SIGTERM
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // nobody may read our messages; that is no reason to stop

	if r.events, err = openEvents(cfg.events, cfg.name, a.stderr); err != nil {
		return &codedError{exitBroken, err}
	}
	defer r.events.close()
	defer r.wg.Wait()
	ctx = context.WithoutCancel(ctx)
	defer func() {
		if r.client == nil {
			return
		}
		patience := releaseTimeout
		if exitCode(err) == exitUnreachable {
			patience = farewell
		}
		r.closeClient(ctx, patience)
	}()
	for {
		err := r.once(ctx)
		if !r.again(err) {
			return err
		}
		r.say("%v. %s", err, r.cfg.anew())
	}
}

// again reports whether to wait again after a run that ended with err.
func (r *lockRun) again(err error) bool {
	coded, ok := errors.AsType[*codedError](err)
	return ok && coded.code == exitLost && r.cfg.again && !r.ending
}

// once runs the command once.
func (r *lockRun) once(ctx context.Context) (err error) {
	signal.Reset(syscall.SIGTSTP, syscall.SIGCONT) // until there is a command to pass them on to
	// Early, so that the command can begin at once when its turn has come.
	if r.guard, err = supervise.Start(guardCommand); err != nil {
		return &codedError{exitBroken, fmt.Errorf("%w; the command was not run", err)}
	}
	defer func() { _ = r.closeGuard() }() // after an error; else it is closed already
	hold, err := r.acquire(ctx)
	if err != nil {
		return err
	}
	return r.work(ctx, hold)
}

// acquire waits for the lock. An error has its exit code.
func (r *lockRun) acquire(ctx context.Context) (holding, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer r.watchSignals(cancel)()
	switch { // who does not wait for the lock does not wait for a quorum either
	case r.cfg.try:
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, r.cfg.members.timeout, noAnswer(r.cfg.members.timeout, "--timeout"))
		defer stop()
	case r.cfg.wait > 0:
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, r.cfg.wait, errTurnDidNotCome)
		defer stop()
	}
	options := []sdk.Option{sdk.WithTTL(r.cfg.ttl)}
	if r.cfg.owner != "" {
		options = append(options, sdk.WithOwner(r.cfg.owner))
	}
	if err := r.dial(ctx, options); err != nil {
		return nil, r.notAcquired(ctx, err)
	}
	line := newWaitLine(r.app.stderr, terminal(r.app.stderr), r.noWord())
	defer line.stop()
	var waited sdk.Wait // the last one that OnWait told, in the goroutine of Lock: this one
	r.states = make(chan sdk.State, 8)
	taking := []sdk.LockOption{sdk.WithReason(r.cfg.reason), sdk.OnState(telling(r.states)), sdk.OnWait(func(w sdk.Wait) {
		waited = w
		line.update(w)
		r.events.waiting(w)
	})}
	if r.cfg.compat == "all" {
		taking = append(taking, sdk.WithCompatAll())
	}
	hold, err := r.take(ctx, taking, line)
	switch {
	case err == nil:
		return hold, nil
	case errors.Is(err, sdk.ErrUnavailable):
		return nil, r.notAcquired(ctx, err)
	case errors.Is(context.Cause(ctx), errTurnDidNotCome) && waited.Name == "" && r.cfg.barrier == nil:
		return nil, r.notAcquired(ctx, noAnswer(r.cfg.wait, "--wait")) // nobody has said that we stand in line
	case errors.Is(context.Cause(ctx), errTurnDidNotCome) && r.client.Endpoint() != "" && !errors.Is(err, sdk.ErrUncertain):
		return nil, r.turnDidNotCome(waited)
	default:
		return nil, r.notAcquired(ctx, err)
	}
}

// dial reaches a member, the first time.
func (r *lockRun) dial(ctx context.Context, options []sdk.Option) (err error) {
	if r.client != nil {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, r.cfg.members.timeout)
	defer stop()
	client, err := sdk.Dial(ctx, r.cfg.members.endpoints, options...)
	if err == nil {
		r.client = client
	}
	return err
}

// take waits for the lock, the lead, the permits or the others at the barrier.
func (r *lockRun) take(ctx context.Context, options []sdk.LockOption, line *waitLine) (holding, error) {
	if r.cfg.barrier != nil {
		return r.enter(ctx, line)
	}
	if r.cfg.elect != nil {
		return r.campaign(ctx, options)
	}
	if r.cfg.permits > 0 {
		if r.cfg.limit > 0 {
			options = append(options, sdk.WithPermits(r.cfg.limit))
		}
		semaphore := r.client.Semaphore(r.cfg.name, options...)
		if r.cfg.try {
			return semaphore.TryAcquire(ctx, r.cfg.permits)
		}
		return semaphore.Acquire(ctx, r.cfg.permits)
	}
	options = append(options, sdk.WithLockDelay(r.cfg.delay))
	if len(r.cfg.also) > 0 {
		return r.takeAll(ctx, options)
	}
	mutex, shared := r.client.Mutex(r.cfg.name, options...), r.client.RWMutex(r.cfg.name, options...)
	lock, try := mutex.Lock, mutex.TryLock
	switch r.cfg.mode {
	case "read":
		lock, try = shared.RLock, shared.TryRLock
	case "write":
		lock, try = shared.Lock, shared.TryLock
	}
	if r.cfg.try {
		return try(ctx)
	}
	return lock(ctx)
}

// ends reports whether a signal asks programs to end.
func ends(sig os.Signal) bool {
	switch sig {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM:
		return true
	}
	return false
}

// watchSignals has the signals that end programs end the wait. The function that it returns ends
// the watch: from then on signals are the command's.
func (r *lockRun) watchSignals(cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case sig := <-r.sigs:
				if ends(sig) {
					cancel(&signalled{sig})
				}
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// telling passes changes of a hold's state on from the client. Those that nobody has taken yet are
// old when there are many.
func telling(states chan<- sdk.State) func(*sdk.Hold, sdk.State) {
	return func(_ *sdk.Hold, s sdk.State) {
		select {
		case states <- s:
		default:
		}
	}
}

// closeClient ends the session, and with it what may be left of the lock.
func (r *lockRun) closeClient(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = r.client.Close(ctx) // the release has said what there is to say; else the TTL ends it
}

// closeGuard ends the guard, and what may be left of the command.
func (r *lockRun) closeGuard() error {
	ctx, cancel := context.WithTimeout(context.Background(), goneTimeout)
	defer cancel()
	return r.guard.Close(ctx)
}
