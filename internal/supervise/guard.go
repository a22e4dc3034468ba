package supervise

import (
	"encoding/json"
	"syscall"
	"time"
)

// A timekeeper is a clock with an alarm: the machine's own, or one that a test turns.
type timekeeper interface {
	now() time.Duration
	// set sets the alarm to a time, which may be past, or turns it off with [never].
	set(at time.Duration) error
	// alarm returns the channel that gets a value when the time for it has come.
	alarm() <-chan struct{}
}

// A guard brings together what it is told, what the command does, and the time.
type guard struct {
	clock  timekeeper
	plan   plan
	calls  chan call     // from read; closed when whoever asked is gone
	over   chan struct{} // closed when nobody takes from calls any more
	owner  int           // the group that gets the terminal back
	report func(Report)
	told   bool // that the command is being ended
}

// A target takes the signals: a group, or what a test puts in its place.
type target interface {
	signal(sig syscall.Signal)
	// terminal takes the terminal away from the group owner for the target, or back for it.
	terminal(owner int, give bool)
}

// read hands on what whoever asked says, until nothing comes any more.
func (g *guard) read(dec *json.Decoder) {
	defer close(g.calls)
	for {
		var c call
		if err := dec.Decode(&c); err != nil {
			return
		}
		select {
		case g.calls <- c:
		case <-g.over:
			return
		}
	}
}

// run guards a command that runs, until events says that it is gone.
func (g *guard) run(t target, events <-chan Report) {
	calls := g.calls
	for {
		// First of all the time: after a suspend everything else is old.
		sig, next := g.plan.due(g.clock.now())
		if sig != 0 {
			g.send(t, sig)
			continue
		}
		if err := g.clock.set(next); err != nil {
			g.plan.end(Overdue, true) // who cannot tell the time must not hold
			continue
		}
		select {
		case c, ok := <-calls:
			if !ok {
				g.plan.end(Orphaned, true)
				calls = nil
				continue
			}
			g.take(t, c)
		case r := <-events:
			if g.tell(t, r) {
				return
			}
		case <-g.clock.alarm():
		}
	}
}

// send sends what the plan says is due. A stopped process would not get SIGTERM before it goes on.
func (g *guard) send(t target, sig syscall.Signal) {
	t.signal(sig)
	if sig == syscall.SIGTERM {
		t.signal(syscall.SIGCONT)
	}
	if !g.told {
		g.told = true
		g.report(Report{Kind: Ending, Why: g.plan.why})
	}
}

// take does what whoever asked says.
func (g *guard) take(t target, c call) {
	switch {
	case c.Deadline != 0:
		g.plan.extend(c.Deadline)
	case c.Stop:
		g.plan.end(Asked, false)
	case c.Continue:
		if c.Foreground {
			t.terminal(g.owner, true)
		}
		t.signal(syscall.SIGCONT)
	case c.Signal != 0:
		t.signal(c.Signal)
	}
}

// tell passes on what has become of the command, and reports whether it was the last word.
func (g *guard) tell(t target, r Report) (last bool) {
	switch {
	case r.Kind == Stopped, r.Kind == Gone:
		t.terminal(g.owner, false)
	case r.Kind == Left && g.plan.why != "":
		return false // they are being ended already
	case r.Kind == Left:
		g.plan.end(LeftBehind, false)
	}
	g.report(r)
	return r.Kind == Gone
}
