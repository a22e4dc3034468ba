package lock

import (
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// permits are the holds of permits that this member's tree shows. Guarded by Locker.mu.
type permits struct {
	holds map[permitKey]*permitState
	out   int // permits in use
}

// A permitKey names a hold of permits: their zxid, and the directory and id in their names.
type permitKey struct {
	token Token
	stem  string
}

type permitState struct {
	count  int   // permits that are left
	place  Token // of its place in the queue, whose ticket goes on naming it; 0: it had none, or nobody knows
	ending bool
}

// permitChanged looks on at semaphores. It reports whether the change was one of theirs alone.
func (l *Locker) permitChanged(t *znode.Tree, revision int64, c *znode.Change, e *znode.Effect) bool {
	dir, name := znode.Split(c.Path)
	if e.Node == nil || c.Kind != znode.Created && c.Kind != znode.Deleted {
		return false
	}
	if semaphore, ok := znode.Semaphore(c.Path); ok {
		l.partChanged(t, semaphore, c)
		return true
	}
	semaphore, ok := znode.Semaphore(dir)
	if !ok {
		return false
	}
	if _, lease := znode.Lease(name); lease && dir == znode.SemaphoreLeases(semaphore) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.leaseChanged(semaphore, revision, c, e.Node)
		return true
	}
	if _, _, ours := znode.PermitWaiter(name); ours && dir == znode.SemaphoreLocks(semaphore) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.placeChanged(t, semaphore, revision, c, e.Node)
		if !ofSemaphore(t, dir) {
			l.placeOfLock(t, dir, c, e.Node)
		}
		return true
	}
	return false
}

// partChanged notes that a part of a semaphore has come or gone. By that what looked like a lock by
// itself may become the semaphore's queue, or what was one a lock.
func (l *Locker) partChanged(t *znode.Tree, semaphore string, c *znode.Change) {
	dir := znode.SemaphoreLocks(semaphore)
	locks, ok := t.Get(dir)
	if !ok || locks.NumContenders() == 0 {
		return
	}
	for _, path := range []string{znode.SemaphoreLimit(semaphore), znode.SemaphoreLeases(semaphore)} {
		if _, stands := t.Get(path); stands && path != c.Path {
			return // a semaphore before and after
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Kind == znode.Created {
		l.names.Delete(dir)
		l.footings.parted(locks)
		return
	}
	l.names.Set(dir, struct{}{})
	l.footings.rebuilt(locks)
}

// leaseChanged notes a permit that is out, or back.
func (l *Locker) leaseChanged(semaphore string, revision int64, c *znode.Change, n *znode.Node) {
	p := &l.permits
	key := permitKey{Token(n.Czxid()), n.Path()[:strings.LastIndex(n.Path(), "-lease-")]}
	s := p.holds[key]
	if c.Kind == znode.Created {
		p.out++
		if s == nil {
			s = &permitState{}
			p.holds[key] = s
			l.permitEvent(semaphore, revision, EventAcquired, n, c, "")
		}
		s.count++
		return
	}
	if s == nil {
		return
	}
	p.out--
	if !s.ending {
		s.ending = true
		l.holdEnded(semaphore, revision, c, n, s)
	}
	if s.count--; s.count == 0 {
		delete(p.holds, key)
	}
}

// holdEnded tells of the end of a hold, at the first permit that goes: the others follow.
func (l *Locker) holdEnded(semaphore string, revision int64, c *znode.Change, n *znode.Node, s *permitState) {
	kind, cause := ending(c, n.Owner())
	l.ends.addAt(held{Token(n.Czxid()), semaphorePlace(semaphore)}, n.Owner(), kind, cause, c.Note)
	if s.place != 0 {
		l.ends.addAt(held{s.place, semaphorePlace(semaphore)}, n.Owner(), kind, cause, c.Note)
	}
	l.Stats.hold(time.Duration(c.Time-n.Stat().Ctime) * time.Millisecond)
	if kind == EventLost {
		l.Stats.lost(cause)
		for _, f := range l.followers {
			f.HoldLost(lease.ID(n.Owner()), &HoldLostError{Name: lockName(semaphore), Token: Token(n.Czxid()), Cause: cause, Reason: c.Note})
		}
	}
	l.permitEvent(semaphore, revision, kind, n, c, cause)
}

// placeChanged notes a place in the queue that was taken, given up or granted.
func (l *Locker) placeChanged(t *znode.Tree, semaphore string, revision int64, c *znode.Change, n *znode.Node) {
	if c.Kind == znode.Created {
		if locks, ok := t.Get(znode.SemaphoreLocks(semaphore)); ok {
			l.Stats.joined(locks.NumContenders() - 1)
		}
		l.permitEvent(semaphore, revision, EventWaiting, n, c, "")
		return
	}
	defer l.wake(n.Path())
	if !c.Granted() {
		kind, cause := ending(c, n.Owner())
		l.ends.addAt(held{Token(n.Czxid()), semaphorePlace(semaphore)}, n.Owner(), kind, cause, c.Note)
		l.permitEvent(semaphore, revision, EventLeft, n, c, cause)
		l.nextForeign(t, semaphore)
		return
	}
	l.Stats.wait(time.Duration(c.Time-n.Stat().Ctime) * time.Millisecond)
	id, _, _ := znode.PermitWaiter(n.Name())
	key := permitKey{Token(c.Zxid), znode.Join(znode.SemaphoreLeases(semaphore), "_c_"+id)}
	if s := l.permits.holds[key]; s != nil {
		s.place = Token(n.Czxid())
	}
	l.nextForeign(t, semaphore)
}

// placeOfLock notes a place that has changed in a queue which is a lock's by itself: of its semaphore,
// somebody has deleted the limit, and the leases are gone. It counts with the other contenders there, or
// what they block would stay behind.
func (l *Locker) placeOfLock(t *znode.Tree, dir string, c *znode.Change, n *znode.Node) {
	locks, ok := t.Get(dir)
	if !ok {
		return
	}
	if c.Kind == znode.Created {
		l.names.Set(dir, struct{}{})
		l.footings.joined(locks, n)
		return
	}
	if locks.NumContenders() == 0 {
		l.names.Delete(dir)
	}
	l.footings.left(locks, n)
}

// nextForeign wakes whoever waits for the queue as for a lock, where it stands first now.
func (l *Locker) nextForeign(t *znode.Tree, semaphore string) {
	locks, ok := t.Get(znode.SemaphoreLocks(semaphore))
	if !ok {
		return
	}
	for n := range locks.Holders() {
		l.wake(n.Path())
	}
}

// permitEvent keeps an event of a semaphore. How many permits it is about stands in the data.
func (l *Locker) permitEvent(semaphore string, revision int64, kind EventKind, n *znode.Node, c *znode.Change, cause string) {
	e := l.events.add(revision, kind, n, n.Owner(), c.Time, cause, c.Note)
	e.Name, e.Permits = lockName(semaphore), 1
}

// ofSemaphore reports whether dir is a semaphore's queue: it is no lock by itself then.
func ofSemaphore(t *znode.Tree, dir string) bool {
	semaphore, ok := znode.Semaphore(dir)
	if !ok || dir != znode.SemaphoreLocks(semaphore) {
		return false
	}
	if _, ok = t.Get(znode.SemaphoreLimit(semaphore)); !ok {
		_, ok = t.Get(znode.SemaphoreLeases(semaphore))
	}
	return ok
}

// semaphorePlace is where the ends of a semaphore's holds are remembered: a lock may have its name.
func semaphorePlace(semaphore string) string { return znode.SemaphoreLeases(semaphore) }

// place is where the ends of a claim's holds are remembered.
func (c *claim) place() place { return place{c.session, semaphorePlace(c.semaphore)} }

// hold is what a claim is remembered by.
func (c *claim) hold() held { return held{Token(c.stat.Czxid), semaphorePlace(c.semaphore)} }

// rebuildPermits takes the holds of a tree that was built anew.
func (l *Locker) rebuildPermits(t *znode.Tree) {
	l.permits = permits{holds: map[permitKey]*permitState{}}
	for n := range t.All() {
		dir, name := znode.Split(n.Path())
		semaphore, ok := znode.Semaphore(dir)
		if _, lease := znode.Lease(name); !ok || !lease || dir != znode.SemaphoreLeases(semaphore) {
			continue
		}
		key := permitKey{Token(n.Czxid()), n.Path()[:strings.LastIndex(n.Path(), "-lease-")]}
		s := l.permits.holds[key]
		if s == nil {
			s = &permitState{}
			l.permits.holds[key] = s
		}
		s.count++
		l.permits.out++
	}
}

// queuedForeign looks on at whoever stands in a semaphore's queue as for a lock, as Curator's clients
// do: that is no lock of its own, but its session is told if it loses it.
func (l *Locker) queuedForeign(locks *znode.Node, c *znode.Change, n *znode.Node) {
	if c.Kind == znode.Created {
		return
	}
	l.wake(n.Path())
	delete(l.held, n.Path())
	session := n.Owner()
	if c.Kind == znode.Rested {
		session = c.Session // the znode has none any more
	}
	kind, cause := ending(c, session)
	l.ends.add(n, session, kind, cause, c.Note)
	if kind == EventLost && locks.WouldHold(n) {
		for _, f := range l.followers {
			f.HoldLost(session, &HoldLostError{Name: lockName(locks.Path()), Token: Token(n.Czxid()), Cause: cause, Reason: c.Note})
		}
	}
	for next := range locks.Holders() {
		l.wake(next.Path())
	}
}
