package lock

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The defaults of [Config] about deadlocks.
const (
	DefaultDeadlockSearch = 4096
	DefaultDeadlockReport = time.Second
)

// reportAgain is how many times DeadlockReport after its first look a waiter looks again: somebody
// at another door may have closed a cycle around it.
const reportAgain = 10

// reportsKept is how many cycles a member remembers to have reported, so that it does so once.
const reportsKept = 1024

// logPause is between two lines about deadlocks in the log.
const logPause = time.Second

// An outcry is what a member has said of deadlocks. Guarded by the Locker's mutex.
type outcry struct {
	told   map[Token]struct{} // by the newest wait of a reported cycle
	next   time.Time          // no line in the log before
	silent int                // lines left out since the last
}

// validate checks what a request says.
func (m DeadlockMode) validate() error {
	switch m {
	case DeadlockDefault, DeadlockRefuse, DeadlockReport:
		return nil
	}
	return &lease.InputError{Field: "deadlock", Problem: fmt.Sprintf("is %.20q", string(m)), Fix: `say "refuse" or "report", or leave it out`}
}

// refuses reports whether a request of that mode is refused where it would close a cycle.
func (l *Locker) refuses(m DeadlockMode) bool {
	switch l.cfg.Deadlocks {
	case DeadlockOff:
		return false
	case DeadlockReport:
		return m == DeadlockRefuse
	}
	return m != DeadlockReport
}

// closes looks whether an attempt that has to wait has closed a cycle, and is the newest in it:
// of several who close one together only that one has. The error is nil where that is not so.
//
// A wait for nobody but oneself counts only with late, once it has lasted for a while: what is in the
// way may be left from an earlier request whose caller has gone, and goes in a moment, or be a
// short hold of another thread.
func (l *Locker) closes(a *attempt, late bool) *DeadlockError {
	if !a.refused {
		return nil
	}
	e := &DeadlockError{Name: a.request.Name}
	var found []mark
	l.store.View(func(t *znode.Tree, revision int64) {
		e.Revision = revision
		n, ok := t.Get(a.path)
		if !ok || n.Czxid() != a.czxid(n) || !n.Waits() {
			return
		}
		cycle, ok := l.cycle(n, n.Czxid())
		if !ok || len(cycle) < 2 && !late {
			return
		}
		found = l.marks(t, cycle)
		l.announce(n, revision, "refused", found)
	})
	if found == nil {
		return nil
	}
	e.Cycle = links(found)
	l.deplore("a request was refused: it would have closed a cycle of waits", e.Cycle)
	return e
}

// refuse takes a refused attempt out of its queue, and returns why once that is done.
func (l *Locker) refuse(ctx context.Context, a *attempt, why error) error {
	for _, b := range append(a.others, a) {
		b.why = "deadlock"
	}
	return l.leaveOrHold(ctx, a, why)
}

// lookout returns the timer by which a waiter is to look for a cycle to report; stop stops it. Where
// the member reports nothing, and for permits, which wait for nobody in particular, it never runs out.
func (l *Locker) lookout(a *attempt) (t *time.Timer, stop func() bool) {
	if l.cfg.Deadlocks == DeadlockOff || a.permits {
		return &time.Timer{}, func() bool { return true }
	}
	t = time.NewTimer(l.cfg.DeadlockReport)
	return t, t.Stop
}

// cycle looks for a cycle through n's wait, by waits that are not newer than newest. Whoever blocks
// nobody is in none; that is known at once.
func (l *Locker) cycle(n *znode.Node, newest int64) ([]step, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.footings[n.Owner()].blocks == 0 {
		return nil, false
	}
	s := search{footings: l.footings, limit: l.cfg.DeadlockSearch, newest: newest}
	cycle, ok := s.run(n)
	if s.cut() {
		l.Stats.deadlock("unknown")
	}
	return cycle, ok
}

// report looks whether a waiter is in a cycle by now, and tells of it where this member has not
// done so before. An actor who waits for nobody but itself is not told: mostly that is two threads
// of one program, and no cycle at all.
func (l *Locker) report(a *attempt) {
	var found []mark
	l.store.View(func(t *znode.Tree, revision int64) {
		n, ok := t.Get(a.path)
		if !ok || n.Czxid() != a.czxid(n) || !n.Waits() {
			return
		}
		cycle, ok := l.cycle(n, math.MaxInt64)
		if !ok || len(cycle) < 2 || !l.first(newestOf(cycle)) {
			return
		}
		found = l.marks(t, cycle)
		l.announce(n, revision, "reported", found)
	})
	if found != nil {
		l.deplore("a wait is part of a cycle of waits", links(found))
	}
}

// first notes a cycle, and reports whether it is news.
func (l *Locker) first(newest Token) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, told := l.outcry.told[newest]; told {
		return false
	}
	if l.outcry.told == nil || len(l.outcry.told) >= reportsKept {
		l.outcry.told = map[Token]struct{}{}
	}
	l.outcry.told[newest] = struct{}{}
	return true
}

// announce counts a cycle, and tells this member's subscribers. The event's id comes after those
// of the revision that the tree is at, which are all there.
func (l *Locker) announce(n *znode.Node, revision int64, action string, found []mark) {
	l.Stats.deadlock(action)
	text := sentence(links(found))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events.add(max(revision, l.events.revision), EventDeadlock, n, n.Owner(), time.Now().UnixMilli(), action, text)
	l.events.publish()
}

// deplore writes a line, but not more than one every logPause.
func (l *Locker) deplore(message string, cycle []Link) {
	l.mu.Lock()
	now, silent := time.Now(), l.outcry.silent
	if now.Before(l.outcry.next) {
		l.outcry.silent++
		l.mu.Unlock()
		return
	}
	l.outcry.next, l.outcry.silent = now.Add(logPause), 0
	l.mu.Unlock()
	l.log.Warn(message, "lock", cycle[0].Waits.Name, "session", lease.FormatID(cycle[0].Session), "actors", len(cycle), "cycle", sentence(cycle), "left_out", silent)
}
