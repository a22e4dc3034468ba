package lock

import (
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Changed looks on while the store applies changes: it wakes waiters, remembers how holds end,
// and keeps the events. It is part of the store's Observer: it runs with the tree locked, and
// must be quick.
func (l *Locker) Changed(t *znode.Tree, revision int64, c *znode.Change, e *znode.Effect) {
	if c.Kind != znode.Created && c.Kind != znode.Deleted && c.Kind != znode.Rested {
		return
	}
	if l.permitChanged(t, revision, c, e) {
		return
	}
	dir, name := znode.Split(c.Path)
	if _, ok := znode.Contender(name); !ok || e.Node == nil {
		return
	}
	parent, ok := t.Get(dir)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if ofSemaphore(t, dir) {
		l.queuedForeign(parent, c, e.Node)
		return
	}
	switch c.Kind {
	case znode.Created:
		l.joined(parent, revision, c, e.Node)
	case znode.Rested:
		l.footings.rested(parent, e.Node, c.Session)
		l.ended(parent, revision, c, e.Node, true)
	default:
		l.left(parent, revision, c, e.Node)
	}
}

// joined notes a new contender: it holds at once, or waits.
func (l *Locker) joined(dir *znode.Node, revision int64, c *znode.Change, n *znode.Node) {
	if dir.NumContenders() == 1 {
		l.names.Set(dir.Path(), struct{}{})
	}
	if c.Moved == 0 {
		l.Stats.joined(dir.NumContenders() - 1)
	}
	l.footings.joined(dir, n)
	if c.Token != 0 {
		return // in place of a writer, who leaves next
	}
	if !n.Waits() {
		l.acquired(revision, c.Time, n)
		return
	}
	if c.Moved == 0 { // else it waits on
		l.events.add(revision, EventWaiting, n, n.Owner(), c.Time, "", "")
	}
}

// left notes that a contender is gone, and who holds now because of that.
func (l *Locker) left(dir *znode.Node, revision int64, c *znode.Change, n *znode.Node) {
	if dir.NumContenders() == 0 {
		l.names.Delete(dir.Path())
	}
	l.footings.left(dir, n)
	if l.leftByHandOver(revision, c, n) {
		return
	}
	held := dir.WouldHold(n)
	heir, moved := dir.Heir(n)
	switch {
	case moved: // the same hold goes on to read
		l.wake(n.Path())
		l.held[heir.Path()] = l.held[n.Path()]
		delete(l.held, n.Path())
	case n.Owner() == 0 && n.Kind() == znode.TTL:
		l.wake(n.Path()) // its hold had ended before: the lock has rested
	default:
		l.ended(dir, revision, c, n, held)
	}
	switch {
	case !n.Shared():
		for next := range dir.HoldersAfter(n) {
			if next != heir {
				l.acquired(revision, c.Time, next)
			}
		}
	case held:
		// Other readers hold on. Only if there are none does somebody come in.
		for next := range dir.Holders() {
			if next.Shared() {
				break
			}
			l.acquired(revision, c.Time, next)
		}
	}
}

// ended notes that a contender does not hold, or wait, any more.
func (l *Locker) ended(dir *znode.Node, revision int64, c *znode.Change, n *znode.Node, held bool) {
	l.wake(n.Path())
	session := n.Owner()
	if c.Kind == znode.Rested {
		session = c.Session // the znode has none any more
	}
	kind, cause := ending(c, session)
	l.ends.add(n, session, kind, cause, c.Note)
	if !held {
		l.events.add(revision, EventLeft, n, session, c.Time, cause, c.Note)
		return
	}
	l.tookDown(c, n)
	if kind == EventLost {
		l.Stats.lost(cause)
		for _, f := range l.followers {
			f.HoldLost(session, &HoldLostError{Name: lockName(dir.Path()), Token: Token(n.Czxid()), Cause: cause, Reason: c.Note})
		}
	}
	l.events.add(revision, kind, n, session, c.Time, cause, c.Note)
}

// tookDown forgets since when a hold was held that has ended.
func (l *Locker) tookDown(c *znode.Change, n *znode.Node) {
	if since, ok := l.held[n.Path()]; ok {
		delete(l.held, n.Path())
		d := time.Duration(c.Time-since) * time.Millisecond
		l.Stats.hold(d)
		dir, _ := znode.Split(n.Path())
		l.paces.held(dir, d)
	}
}

// acquired notes that a contender holds now.
func (l *Locker) acquired(revision, at int64, n *znode.Node) {
	l.held[n.Path()] = at
	l.Stats.wait(time.Duration(at-n.Stat().Ctime) * time.Millisecond)
	l.events.add(revision, EventAcquired, n, n.Owner(), at, "", "")
	l.wake(n.Path())
}

func (l *Locker) wake(path string) {
	if w := l.waiters[path]; w != nil {
		w.at = clock.Boot()
		close(w.changed)
		delete(l.waiters, path)
	}
}

// ending tells how a contender went: let go by its own session, or lost, and then to what.
func ending(c *znode.Change, session lease.ID) (EventKind, string) {
	switch {
	case c.Expired:
		return EventLost, "expired"
	case c.Session == session:
		return EventReleased, ""
	case c.Note != "" || c.Session == 0:
		return EventLost, "forced"
	}
	return EventLost, "deleted"
}

// Applied tells that a revision is complete: those who follow events may read on.
func (l *Locker) Applied(*znode.Tree, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events.publish()
}

// Rebuilt takes a tree that was built anew; its last change was made at revision. Whoever waits looks again; events before it are
// not remembered.
func (l *Locker) Rebuilt(t *znode.Tree, revision int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for path := range l.waiters {
		l.wake(path)
	}
	clear(l.held)
	l.names.Clear()
	clear(l.footings)
	l.paces.reset()
	for n := range t.All() {
		if n.NumContenders() > 0 && !ofSemaphore(t, n.Path()) {
			l.names.Set(n.Path(), struct{}{})
			l.footings.rebuilt(n)
		}
	}
	l.rebuildPermits(t)
	l.events.reset(revision)
	for _, f := range l.followers {
		f.Rebuilt()
	}
}
