package supervise

import (
	"errors"
	"os"
	"sync"
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

// A group is the command and what it has started: a process group of its own, and with rest
// whatever has left that.
type group struct {
	leader *os.Process
	pgid   int
	events chan Report // Stopped, Exited, Left, Gone; closed after Gone
	rest   *rest       // nil: those are on their own

	mu   sync.Mutex
	over bool // nobody is left in the process group; its number may be another's
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
	g := &group{leader: p, pgid: p.Pid, events: make(chan Report)}
	if o.Everything {
		g.rest = newRest(p.Pid)
	}
	return g, nil
}

// signal sends a signal to the whole group. Those that have ended already need none.
func (g *group) signal(sig syscall.Signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		_ = unix.Kill(-g.pgid, sig)
	}
	if sig == syscall.SIGKILL {
		_ = g.leader.Kill() // it may have moved to another group; the handle is safe against reuse of its number
	}
	if g.rest != nil {
		g.rest.signal(sig)
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
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = g.over || errors.Is(unix.Kill(-g.pgid, 0), unix.ESRCH)
	return g.over
}

// follow waits for the processes and sends what becomes of them to events. It returns when the
// last of the group is gone.
func (g *group) follow() {
	defer close(g.events)
	if g.rest != nil {
		defer g.rest.close()
	}
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
		var err error
		for pid := 1; pid > 0; {
			pid, err = unix.Wait4(-1, nil, unix.WNOHANG, nil)
		}
		// Whoever descends from us has an ancestor among our children, because those whose parents
		// end become our children. So without children there are no descendants.
		childless := errors.Is(err, unix.ECHILD)
		if g.empty() && (childless || g.rest == nil) {
			return
		}
		if looks == shortLooks {
			g.events <- Report{Kind: Left}
			if g.rest != nil {
				g.rest.orphaned()
			}
		}
		<-poll.C
	}
}
