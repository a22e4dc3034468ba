package supervise

import (
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// firstSweep and lastSweep are the times between looks for those that are to be killed: later
	// ones only wait for a disk.
	firstSweep = 2 * time.Millisecond
	lastSweep  = time.Second
)

// A rest is what comes from the command and has left its group. It belongs to the guard, which is
// a subreaper: whatever way a process left, it descends from the guard.
type rest struct {
	group int // the command's
	wg    sync.WaitGroup
	done  chan struct{}

	mu       sync.Mutex
	alone    bool // the command itself has ended
	asked    bool // the group has been sent SIGTERM
	termed   bool // and so has the rest
	sweeping bool
}

func newRest(group int) *rest { return &rest{group: group, done: make(chan struct{})} }

// signal follows up a signal that the group is sent. While the command runs SIGTERM is for its
// group: a program that keeps others in groups of their own ends them itself, in its order. Once
// it has ended they get it, too. SIGKILL is for all at once.
func (r *rest) signal(sig syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch sig {
	case syscall.SIGTERM:
		r.asked = true
		r.termLocked()
	case syscall.SIGKILL:
		if !r.sweeping {
			r.sweeping = true
			r.wg.Go(r.sweep)
		}
	}
}

// orphaned says that the command has ended and has left somebody behind.
func (r *rest) orphaned() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alone = true
	r.termLocked()
}

func (r *rest) termLocked() {
	if !r.alone || !r.asked || r.termed {
		return
	}
	r.termed = true
	descend(os.Getpid(), func(p process) {
		if p.group != r.group {
			p.send(syscall.SIGTERM, syscall.SIGCONT)
		}
	})
}

// sweep kills whoever there is, until close is called. It looks again at once as long as it finds
// somebody new, to be faster than those who fork, and else from time to time.
func (r *rest) sweep() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	type name struct {
		pid   int
		start string
	}
	killed := map[name]bool{}
	for next := firstSweep; ; next = min(next*5/4, lastSweep) {
		select {
		case <-r.done:
			return
		case <-pause.C:
		}
		for found := true; found; {
			found = false
			descend(os.Getpid(), func(p process) {
				if name := (name{p.pid, p.start}); !killed[name] {
					killed[name], found = true, true
					p.send(syscall.SIGKILL)
				}
			})
		}
		pause.Reset(next)
	}
}

// close ends the sweep and waits for its end. It is called when nobody is left, or nobody looks
// any more.
func (r *rest) close() {
	close(r.done)
	r.wg.Wait()
}
