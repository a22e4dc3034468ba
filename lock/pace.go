package lock

import (
	"hash/maphash"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

// DefaultPacesKept is the default of [Config.PacesKept].
const DefaultPacesKept = 1 << 14

// paceWeight is what the newest hold counts for in a lock's mean: one part in so many.
const paceWeight = 4

// paces remember for how long locks were held of late, by the writer's clock: for each an
// exponentially weighted mean. There is room for a fixed number of locks, each at the place that
// its name falls on, and one that falls on the same place takes it over. So a lock that was not
// remembered, or was forgotten, has no mean. Guarded by the Locker's mutex.
type paces struct {
	seed maphash.Seed
	slot []pace
}

type pace struct {
	lock uint64        // the hash of its path
	mean time.Duration // at least 1; 0: the place is free
}

func newPaces(kept int) paces { return paces{seed: maphash.MakeSeed(), slot: make([]pace, kept)} }

func (p *paces) at(dir string) (uint64, *pace) {
	h := maphash.String(p.seed, dir)
	return h, &p.slot[h%uint64(len(p.slot))]
}

// held notes that a hold has ended.
func (p *paces) held(dir string, d time.Duration) {
	d = max(d, 1)
	h, slot := p.at(dir)
	if slot.lock != h || slot.mean == 0 {
		*slot = pace{h, d}
		return
	}
	slot.mean = max(1, slot.mean+(d-slot.mean)/paceWeight)
}

// expected returns how long somebody who waits for so many holds to end may expect to wait;
// 0: nothing is known of the lock.
func (p *paces) expected(dir string, turns int) time.Duration {
	h, slot := p.at(dir)
	if slot.lock != h || slot.mean == 0 || turns <= 0 {
		return 0
	}
	const most = 1000 * time.Hour // no figure says more than that
	if slot.mean > most/time.Duration(turns) {
		return most
	}
	return max(time.Duration(turns)*slot.mean, time.Millisecond).Round(time.Millisecond)
}

// turns count how often a lock has to pass on before somebody's turn comes: readers who stand in a
// row hold together.
type turns struct {
	count   int
	readers bool // the last ones counted
}

// before returns how many turns are to end before c holds, and counts c.
func (k *turns) before(c *znode.Node) (n int) {
	n = k.count
	if c.Shared() {
		if k.readers {
			return n - 1
		}
		k.readers = true
	} else {
		k.readers = false
	}
	k.count++
	return n
}

// turnsAhead returns how many turns are to end before a contender holds.
func turnsAhead(c *znode.Node) int {
	var k turns
	if c.Parent() == nil {
		return 0
	}
	for n := range c.Parent().Queue() {
		before := k.before(n)
		if n == c {
			return before
		}
	}
	return 0
}

// reset forgets all: holds may have ended unseen.
func (p *paces) reset() { clear(p.slot) }

// ExpectedWait tells how long a ticket's place may expect to wait, by how long the lock was held of
// late; 0: not known, or the place holds or is gone. It is as this member's tree has it.
func (l *Locker) ExpectedWait(ticket string) (d time.Duration) {
	a, err := parseTicket(ticket)
	if err != nil {
		return 0
	}
	l.store.View(func(t *znode.Tree, _ int64) {
		if n, ok := a.follow(t); ok && n.Waits() {
			d = l.expected(a.dir, turnsAhead(n))
		}
	})
	return d
}

// expected is how long a lock's recent holds let one expect to wait for so many turns to end.
func (l *Locker) expected(dir string, turns int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paces.expected(dir, turns)
}
