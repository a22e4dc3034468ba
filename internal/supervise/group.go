package supervise

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// emptyPoll is how often a group is looked at whose leader has ended.
	emptyPoll = 10 * time.Millisecond
	// shortLooks is how many such looks others of the group may outlive their leader without
	// counting as left behind.
	shortLooks = 5
)

// A group is the command and what it has started: a process group of its own.
type group struct {
	leader *os.Process
	pgid   int
	events chan Report // Stopped, Exited, Left, Gone; closed after Gone
}

// startGroup starts the command. The kernel will kill it when the calling thread ends, so the
// caller must have locked itself to it. follow must run until it returns.
func startGroup(o *Order) (*group, error) {
	p, err := os.StartProcess(o.Path, o.Args, &os.ProcAttr{
		Env:   o.Env,
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{
			Setpgid:    true,
			Foreground: o.Foreground, // set between fork and exec: the command never sees it otherwise
			Ctty:       int(os.Stdin.Fd()),
			Pdeathsig:  syscall.SIGKILL,
		},
	})
	if err != nil {
		return nil, err
	}
	return &group{leader: p, pgid: p.Pid, events: make(chan Report)}, nil
}

// signal sends a signal to the whole group. Those that have ended already need none.
func (g *group) signal(sig syscall.Signal) {
	_ = unix.Kill(-g.pgid, sig)
	if sig == syscall.SIGKILL {
		_ = g.leader.Kill() // it may have moved to another group; the handle is safe against reuse of its number
	}
}

// terminal gives the group the terminal, if the group owner has it, or takes it back for owner.
func (g *group) terminal(owner int, give bool) {
	if give {
		giveTerminal(owner, g.pgid)
	} else {
		giveTerminal(g.pgid, owner)
	}
}

// empty reports whether nobody is left in the group. While somebody is, the kernel gives its
// number to nobody else.
func (g *group) empty() bool {
	return errors.Is(unix.Kill(-g.pgid, 0), unix.ESRCH)
}

// follow waits for the processes and sends what becomes of them to events. It returns when the
// last of the group is gone.
func (g *group) follow() {
	defer close(g.events)
	for {
		var status unix.WaitStatus
		// Any child: as the subreaper we also get those whose parents have ended.
		pid, err := unix.Wait4(-1, &status, unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR), err == nil && pid != g.pgid:
			continue
		case err == nil && status.Stopped():
			g.events <- Report{Kind: Stopped, Signal: status.StopSignal()}
			continue
		case err == nil && status.Signaled():
			g.events <- Report{Kind: Exited, Code: 128 + int(status.Signal()), Signal: status.Signal()}
		default: // an error other than EINTR would say that there is no child
			g.events <- Report{Kind: Exited, Code: status.ExitStatus()}
		}
		break
	}
	g.followRest()
	g.events <- Report{Kind: Gone}
}

// followRest waits for those that the command has left behind. They are looked at from time to
// time, because not all of them need be children of ours. Those that end just after the command,
// as the parts of a pipeline do, are not spoken of.
func (g *group) followRest() {
	poll := time.NewTicker(emptyPoll)
	defer poll.Stop()
	for looks := 0; ; looks++ {
		for pid := 1; pid > 0; {
			pid, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil)
		}
		if g.empty() {
			return
		}
		if looks == shortLooks {
			g.events <- Report{Kind: Left}
		}
		<-poll.C
	}
}
