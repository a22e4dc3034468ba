package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// passedOn are the signals that concern the command, not those who look after it.
var passedOn = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
	syscall.SIGALRM, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGTSTP,
}

// firstRealTime is the lowest of the signals without a meaning of their own that Go lets us take.
const firstRealTime = 35

// Notify relays the signals that are to be passed on to the command to c. A signal that this
// process ignores since its start (nohup) stays ignored, for the command, too. The caller ends it
// with [signal.Stop].
func Notify(c chan<- os.Signal) {
	relayed := slices.Clone(passedOn)
	for number := syscall.Signal(firstRealTime); number <= lastSignal; number++ {
		relayed = append(relayed, number)
	}
	for _, sig := range relayed {
		if !signal.Ignored(sig) {
			signal.Notify(c, sig)
		}
	}
}

// Serve is the guard: what a process does that [Start] has started, with fd as the socket. It
// blocks until the command's group is gone, or until nobody is left who could ask for one.
func Serve(fd int) error {
	// The kernel kills the command when the thread that forked it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("open the socket %d: %w", fd, err)
	}
	socket := os.NewFile(uintptr(fd), "socket")
	defer socket.Close()

	// Signals are for the command and reach it through whoever asked. Taking them, and not
	// ignoring them, leaves the command with the kernel's defaults.
	dropped := make(chan os.Signal, 1)
	Notify(dropped)
	signal.Notify(dropped, syscall.SIGPIPE)
	defer signal.Stop(dropped)

	// What the command leaves behind becomes ours to wait for. Where the kernel refuses, somebody
	// else does.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

	dec := json.NewDecoder(socket)
	var first call
	if err := dec.Decode(&first); err != nil || first.Run == nil {
		return nil // the lock was not got
	}
	clock, err := newBootClock()
	if err != nil {
		return err
	}
	defer clock.close()
	conn, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("open the socket %d: %w", fd, err)
	}
	g := &guard{
		clock:  clock,
		plan:   plan{deadline: first.Run.Deadline, grace: first.Run.Grace, margin: first.Run.Margin},
		calls:  make(chan call),
		over:   make(chan struct{}),
		owner:  ownerGroup(),
		report: func(r Report) { tell(conn, r) },
	}

	var wg sync.WaitGroup
	defer wg.Wait()
	p, err := startGroup(first.Run)
	if err != nil {
		if first.Run.Foreground {
			giveTerminal(anyone, g.owner)
		}
		errno, _ := errors.AsType[syscall.Errno](err)
		g.report(Report{Kind: Failed, Errno: errno})
		return nil
	}
	wg.Go(p.follow)
	wg.Go(func() { g.read(dec) })
	defer socket.SetReadDeadline(time.Unix(1, 0)) // ends read
	defer close(g.over)
	g.report(Report{Kind: Started, PID: p.pgid})
	g.run(p, p.events)
	return nil
}

// tell writes a report if there is room for it, as there is for thousands. Whoever asked for the command
// may be stopped, or gone: that must not keep the guard from its work. No clock decides: on a busy machine
// a deadline may have passed before the attempt, and the report would be lost.
func tell(conn syscall.RawConn, r Report) {
	line, err := json.Marshal(r)
	if err != nil {
		return // no field of it can fail
	}
	line = append(line, '\n')
	_ = conn.Write(func(fd uintptr) bool {
		for {
			if _, err := unix.Write(int(fd), line); !errors.Is(err, unix.EINTR) {
				return true
			}
		}
	})
}

// ownerGroup returns the process group of whoever asked.
func ownerGroup() int {
	pgid, err := unix.Getpgid(unix.Getppid())
	if err != nil {
		return unix.Getpgrp()
	}
	return pgid
}
