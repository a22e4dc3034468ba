package lock

import (
	"context"
	"iter"

	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// sightPermits reads a hold of permits, position 0, or a place in a semaphore's queue.
func sightPermits(t *znode.Tree, n *znode.Node, position, permits int) sighting {
	p := glance(t, n, position)
	p.permits = permits
	return p
}

// permitPosition is the position of a place: the first waits for permits, at 1.
func permitPosition(t *znode.Tree, n *znode.Node) int {
	dir, name := znode.Split(n.Path())
	locks, ok := t.Get(dir)
	if !ok {
		return 1
	}
	ahead, _ := locks.Position(name)
	return 1 + ahead
}

// holdsOf walks the holds of permits in a directory of leases, oldest first: each with its first
// permit, and how many it has.
func holdsOf(leases *znode.Node) iter.Seq2[*znode.Node, int] {
	return func(yield func(*znode.Node, int) bool) {
		var first *znode.Node
		count := 0
		for n := range leases.Children() {
			if first != nil && n.Czxid() == first.Czxid() && sameHold(first.Name(), n.Name()) {
				count++
				continue
			}
			if first != nil && !yield(first, count) {
				return
			}
			first, count = n, 1
		}
		if first != nil {
			yield(first, count)
		}
	}
}

func sameHold(a, b string) bool {
	x, ok := znode.Lease(a)
	y, ok2 := znode.Lease(b)
	return ok && ok2 && x == y
}

// permitHold describes a claim to its own client.
func permitHold(t *znode.Tree, n *znode.Node, held bool) Hold {
	dir, name := znode.Split(n.Path())
	semaphore, _ := znode.Semaphore(dir)
	position, permits := 0, 0
	if held {
		permits = permitsOf(t, n)
	} else {
		_, count, _ := znode.PermitWaiter(name)
		position, permits = permitPosition(t, n), int(count)
	}
	p := sightPermits(t, n, position, permits)
	h := Hold{Name: lockName(semaphore), Contender: p.contender(), Ticket: ticket(Token(n.Czxid()), n.Path(), n.Owner())}
	if s, ok := t.Session(n.Owner()); ok {
		h.TTL, h.OneShot = s.TTL, s.OneShot
	}
	return h
}

// permitsOf counts the permits of the hold whose first permit is n.
func permitsOf(t *znode.Tree, n *znode.Node) (count int) {
	dir, name := znode.Split(n.Path())
	id, _ := znode.Lease(name)
	for o := range t.OwnChildren(n.Owner(), dir, "_c_"+id+"-") {
		if o.Czxid() == n.Czxid() {
			count++
		}
	}
	return count
}

// Semaphore returns a semaphore's limit, holders and waiters, up to limit of each. One that nobody
// has used has none. With a token, only the hold of that token is among the holders.
func (l *Locker) Semaphore(ctx context.Context, name string, token Token, limit int, fresh store.Read) (Semaphore, error) {
	dir, err := Path(name)
	if err != nil {
		return Semaphore{}, err
	}
	if err := l.store.Fresh(ctx, fresh); err != nil {
		return Semaphore{}, err
	}
	s := Semaphore{Name: name}
	var holders, waiters []sighting
	l.store.View(func(t *znode.Tree, revision int64) {
		s.Revision = revision
		s.Limit, s.InUse = usage(t, dir)
		if leases, ok := t.Get(znode.SemaphoreLeases(dir)); ok {
			for n, count := range holdsOf(leases) {
				if s.Holding++; len(holders) < limit && (token == 0 || n.Czxid() == int64(token)) {
					holders = append(holders, sightPermits(t, n, 0, count))
				}
			}
		}
		locks, ok := t.Get(znode.SemaphoreLocks(dir))
		if !ok {
			return
		}
		s.Waiting = locks.NumContenders()
		for name := range locks.Contenders() {
			if len(waiters) >= limit || token != 0 {
				break
			}
			if n, ok := t.Get(znode.Join(locks.Path(), name)); ok {
				_, count, _ := znode.PermitWaiter(name)
				waiters = append(waiters, sightPermits(t, n, len(waiters)+1, max(1, int(count))))
			}
		}
	})
	s.Holders, s.Waiters = contenders(holders), contenders(waiters)
	return s, nil
}

// sightClaim reads an ephemeral that belongs to a semaphore; it reports false for others. Of the
// permits of a hold only the first is sighted; for the others the path is empty.
func sightClaim(t *znode.Tree, n *znode.Node) (p sighting, ok bool) {
	if n == nil {
		return p, false
	}
	dir, name := znode.Split(n.Path())
	semaphore, below := znode.Semaphore(dir)
	if !below {
		return p, false
	}
	if _, count, waits := znode.PermitWaiter(name); waits && dir == znode.SemaphoreLocks(semaphore) {
		return sightPermits(t, n, permitPosition(t, n), int(count)), true
	}
	id, held := znode.Lease(name)
	if !held || dir != znode.SemaphoreLeases(semaphore) {
		return p, false
	}
	if path, _ := t.OwnChild(n.Owner(), dir, "_c_"+id+"-"); path != n.Path() {
		return p, true
	}
	return sightPermits(t, n, 0, permitsOf(t, n)), true
}
