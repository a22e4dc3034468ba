package lock

import (
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A Follower is told how holds are lost, when this member's tree shows it. Its methods are called
// inside the store's apply loop, with the tree and this package's mutex locked: they must be
// quick, and must call neither the store nor a Locker.
type Follower interface {
	// HoldLost tells that a session lost a hold other than by its own release.
	HoldLost(session lease.ID, e *HoldLostError)
	// Rebuilt tells that the tree was built anew: holds and sessions may have ended unseen.
	Rebuilt()
}

// Follow makes f be told from now on, for the life of l.
func (l *Locker) Follow(f Follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers = append(l.followers, f)
}

// Ahead tells how a ticket's place stands in this member's tree: how many stand before it, and
// the first of them, who holds; 0 when it holds itself. It reports false where the place is gone.
func (l *Locker) Ahead(ticket string) (position int, holder Contender, ok bool) {
	if c, ok := parsePermitTicket(ticket); ok {
		return l.aheadForPermits(c)
	}
	a, err := parseTicket(ticket)
	if err != nil {
		return 0, Contender{}, false
	}
	var first sighting
	l.store.View(func(t *znode.Tree, _ int64) {
		n, found := a.follow(t)
		dir, under := t.Get(a.dir)
		if !found || !under {
			return
		}
		position, ok = placeIn(dir, n.Name())
		if name, _, some := dir.FirstContender(); ok && some {
			if h, there := t.Get(znode.Join(a.dir, name)); there {
				first = l.sight(t, h, 0)
			}
		}
	})
	if first.path != "" {
		holder = first.contender()
	}
	return position, holder, ok
}

// Of returns a session's contenders as this member's tree has them, held and waiting, up to
// limit, of which lock or semaphore each is, and how many there are in all.
func (l *Locker) Of(session lease.ID, limit int) (names []string, list []Contender, total int) {
	var seen []sighting
	note := func(dir string, p sighting) {
		if total++; len(seen) < limit {
			names, seen = append(names, lockName(dir)), append(seen, p)
		}
	}
	l.store.View(func(t *znode.Tree, _ int64) {
		for path := range t.Ephemerals(session) {
			dir, name := znode.Split(path)
			parent, under := t.Get(dir)
			n, ok := t.Get(path)
			if p, claim := sightClaim(t, n); claim {
				if p.path != "" {
					semaphore, _ := znode.Semaphore(dir)
					note(semaphore, p)
				}
				continue
			}
			if _, contender := znode.Contender(name); !contender || !ok || !under {
				continue
			}
			position, _ := placeIn(parent, name)
			note(dir, l.sight(t, n, position))
		}
	})
	return names, contenders(seen), total
}
