package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// InitVariable is the environment variable that tells a program that [Init] has started it. It is
// nobody else's: who starts others must take it out of their environment.
const InitVariable = "LOCKKEEPER_INIT"

// lastSignal is the highest number that a signal has.
const lastSignal = 64

// Init does what is expected of pid 1, and nothing else: it starts this program again, with the same
// arguments and [InitVariable] in its environment, passes signals on to it, and waits for whoever
// has lost its parent, so that no zombies stay. It blocks until that program ends, and returns how;
// then the caller must end, too, and the kernel kills what there is still. An error says that the
// program could not be started.
//
// The work is another process's so that nobody waits for that one's children but itself. It leads
// a process group of its own, with the terminal if there is one: what the terminal sends it gets
// once. If ctx is done already, a signal has come early: it gets SIGTERM.
//
// A process that is not pid 1 may call it, too: it becomes a subreaper, and its own death kills
// the other.
func Init(ctx context.Context) (syscall.WaitStatus, error) {
	// The kernel kills the worker when the thread that forked it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Getpid() != 1 {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	signals := make(chan os.Signal, lastSignal)
	signal.Notify(signals, forwarded()...)
	defer signal.Stop(signals)
	worker, err := os.StartProcess(self, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), InitVariable+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{
			Setpgid:    true,
			Foreground: Foreground(int(os.Stdin.Fd())),
			Ctty:       int(os.Stdin.Fd()),
			Pdeathsig:  syscall.SIGKILL,
		},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s again: %w", os.Args[0], err)
	}
	if ctx.Err() != nil {
		_ = worker.Signal(syscall.SIGTERM)
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(over)
	wg.Go(func() {
		for {
			select {
			case sig := <-signals:
				_ = worker.Signal(sig) // it may have ended; the handle is safe against reuse of its number
			case <-over:
				return
			}
		}
	})
	debug.FreeOSMemory() // all that follows is waiting
	return reap(worker)
}

// forwarded returns the signals that may be passed on: all but those that nobody can take, those
// of which each process has its own (SIGCHLD, and SIGURG, which Go uses within a process), and
// those that this process ignores since its start, as its child does, too.
func forwarded() []os.Signal {
	var sigs []os.Signal
	for number := syscall.Signal(1); number <= lastSignal; number++ {
		switch number {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG:
		default:
			if !signal.Ignored(number) {
				sigs = append(sigs, number)
			}
		}
	}
	return sigs
}

// reap waits for everybody, until the worker has ended.
func reap(worker *os.Process) (syscall.WaitStatus, error) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR), err == nil && pid != worker.Pid:
		case err != nil:
			return 0, fmt.Errorf("wait for %s: %w", os.Args[0], err)
		case status.Stopped():
			// By the terminal: there is no shell that would have it go on. Who sends SIGSTOP means it.
			if status.StopSignal() != syscall.SIGSTOP {
				_ = worker.Signal(syscall.SIGCONT)
			}
		default:
			return status, nil
		}
	}
}

// UnderInit reports whether [Init] has started this process, as the first of its container, so
// that whatever else runs in the container is the caller's to end.
func UnderInit() bool {
	if os.Getenv(InitVariable) == "" || os.Getppid() != 1 {
		return false
	}
	// A variable can be set by anybody.
	first, err := os.Stat("/proc/1/exe")
	if err != nil {
		return false
	}
	ours, err := os.Stat(self)
	return err == nil && os.SameFile(first, ours)
}

// killAll kills at once whatever runs besides pid 1 and this process, and returns when nothing
// does any more, or an error if that takes too long.
func killAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), goneTimeout)
	defer cancel()
	poll := time.NewTicker(emptyPoll)
	defer poll.Stop()
	for {
		// The kernel's answer counts those whose parents have not waited for them yet.
		if errors.Is(unix.Kill(-1, unix.SIGKILL), unix.ESRCH) {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("the guard is gone, and processes of this container are still there %v after SIGKILL", goneTimeout)
		}
	}
}
