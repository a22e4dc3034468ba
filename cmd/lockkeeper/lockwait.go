package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

const (
	// redraw is how often the line that says for whom we wait is brought up to date.
	redraw = time.Second
	// silence is for how long no member may say anything of a wait, until that is said.
	silence = 5 * time.Second
)

// A waitLine says on standard error for whom a lock is waited: on a terminal in one line that is
// kept up to date, elsewhere once, when the wait begins.
type waitLine struct {
	out  io.Writer
	live bool // it is a terminal
	wg   sync.WaitGroup
	done chan struct{}

	mu      sync.Mutex
	heard   bool      // a member has said something
	started time.Time // zero: nobody waits
	last    sdk.Wait
}

// newWaitLine returns a line that the caller must end with stop. silent is what it says where no member
// says anything.
func newWaitLine(out io.Writer, live bool, silent string) *waitLine {
	l := &waitLine{out: out, live: live, done: make(chan struct{})}
	l.wg.Go(func() {
		select {
		case <-time.After(silence):
			l.mu.Lock()
			defer l.mu.Unlock()
			if !l.heard {
				fmt.Fprintln(l.out, "lockkeeper:", silent)
			}
		case <-l.done:
		}
	})
	return l
}

// answered is for a wait of which a member has said something, and that has no line.
func (l *waitLine) answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = true
}

// update takes what the service says of the wait. The first call begins the line.
func (l *waitLine) update(w sdk.Wait) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.started.IsZero()
	l.last, l.heard = w, true
	if first {
		l.started = time.Now()
	}
	switch {
	case l.live:
		l.drawLocked()
		if first {
			l.wg.Go(l.follow)
		}
	case first:
		fmt.Fprintln(l.out, "lockkeeper:", waitText(w, time.Now()))
	}
}

func (l *waitLine) follow() {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.mu.Lock()
			l.drawLocked()
			l.mu.Unlock()
		case <-l.done:
			return
		}
	}
}

func (l *waitLine) drawLocked() {
	now := time.Now()
	// The terminal may be narrower; then the line is cut, not wrapped, and can be cleared again.
	fmt.Fprintf(l.out, "\r\x1b[?7llockkeeper: %s, %s so far\x1b[K\x1b[?7h", waitText(l.last, now), lasting(now, l.started))
}

// stop ends the line and waits until nothing more is written. It is called once.
func (l *waitLine) stop() {
	close(l.done)
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live && !l.started.IsZero() {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
}

// waitText says for whom a lock is waited, in one line.
func waitText(w sdk.Wait, now time.Time) string {
	text := fmt.Sprintf("waiting for %s, %s", printable(w.Name), place(w.Position))
	if who := heldBy(w.Holder, now); who != "" {
		text += ", " + who
	}
	return text
}

// place says how far the turn is off.
func place(position int) string {
	switch position {
	case 0, 1:
		return "next in line"
	case 2:
		return "one ahead besides the holder"
	default:
		return fmt.Sprintf("%d ahead besides the holder", position-1)
	}
}

// lasting says for how long something has gone on that began at since.
func lasting(now, since time.Time) string {
	if now.Sub(since) < time.Second {
		return "a moment"
	}
	return ago(now, since)
}
