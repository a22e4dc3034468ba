package lock

import (
	"context"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Blockers tells who keeps a session's contender from the lock called name, through any chain: the
// first link is that contender's actor, and each waits for the next, up to one who waits for
// nobody. A ticket names the contender; otherwise it is the session's oldest that waits there.
// Where there is none, or session is 0, the chain begins with who holds the lock.
func (l *Locker) Blockers(ctx context.Context, name string, session lease.ID, ticket string, fresh store.Read) (Chain, error) {
	dir, err := Path(name)
	if err != nil {
		return Chain{}, err
	}
	var token int64
	if ticket != "" {
		a, err := parseTicket(ticket)
		if err != nil {
			return Chain{}, err
		}
		if a.dir != dir {
			return Chain{}, &lease.InputError{Field: "ticket", Problem: "is for another lock", Fix: "name the lock that it was given for"}
		}
		token = a.stat.Czxid
	}
	if err := l.store.Fresh(ctx, fresh); err != nil {
		return Chain{}, err
	}
	c := Chain{Name: name}
	var found []mark
	gone := false
	l.store.View(func(t *znode.Tree, revision int64) {
		c.Revision = revision
		n, ok := t.Get(dir)
		if !ok {
			gone = token != 0
			return
		}
		var steps []step
		steps, c.Cycle, c.Limit, gone = l.chain(n, session, token)
		found = l.marks(t, steps)
	})
	if gone {
		return Chain{}, ErrNoTicket
	}
	c.Links = links(found)
	return c, nil
}

// chain walks from a contender of dir to who blocks it, and on. gone reports that there is no
// contender of that token.
func (l *Locker) chain(dir *znode.Node, session lease.ID, token int64) (steps []step, cycle bool, limit int, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := walk{footings: l.footings, limit: l.cfg.DeadlockSearch, seen: map[actor]struct{}{}}
	n := w.begin(dir, session, token)
	if n == nil {
		return nil, false, 0, token != 0
	}
	if n.Waits() {
		steps = append(steps, step{node: n})
		w.seen[actorOf(n)] = struct{}{}
	}
	for by := w.next(n); by != nil; {
		who := actorOf(by)
		if _, seen := w.seen[who]; seen && by.Owner() != 0 {
			return append(steps, step{by: by}), true, w.over(), false
		}
		w.seen[who] = struct{}{}
		n := by
		if !by.Waits() {
			n = w.waitOf(by)
		}
		steps = append(steps, step{node: n, by: by})
		if n == nil {
			break
		}
		by = w.next(n)
	}
	return steps, false, w.over(), false
}

// A walk follows one chain.
type walk struct {
	footings      footings
	limit, looked int
	seen          map[actor]struct{}
}

// over returns the limit where the walk has reached it.
func (w *walk) over() int {
	if w.looked > w.limit {
		return w.limit
	}
	return 0
}

// begin returns the contender that a chain begins with, or else the first of the queue.
func (w *walk) begin(dir *znode.Node, session lease.ID, token int64) *znode.Node {
	var first, own *znode.Node
	for n := range dir.Queue() {
		if token == 0 { // a ticket's place is told of, however far it stands back
			w.looked++
		}
		if w.looked > w.limit {
			break
		}
		if first == nil {
			first = n
		}
		if token != 0 && n.Czxid() == token {
			return n
		}
		if token == 0 && (session == 0 || own != nil) {
			break
		}
		if session != 0 && n.Owner() == session && n != first && own == nil {
			own = n
		}
	}
	switch {
	case token != 0:
		return nil
	case own != nil:
		return own
	}
	return first
}

// next returns whom a contender waits for: of those who hold, the first that waits itself; for a
// reader whom only waiting writers are ahead of, the first of them. One that holds is followed as
// if somebody waited for it.
func (w *walk) next(n *znode.Node) *znode.Node {
	var first *znode.Node
	if !n.Waits() {
		return n
	}
	for b := range n.Parent().Blockers(n) {
		if w.looked++; w.looked > w.limit || b.Waits() && first != nil {
			break
		}
		if first == nil {
			first = b
		}
		if w.waitOf(b) != nil {
			return b
		}
	}
	return first
}

// waitOf returns the oldest contender by which the actor of a contender waits; nil: it does not.
func (w *walk) waitOf(b *znode.Node) (oldest *znode.Node) {
	f, ok := w.footings[b.Owner()]
	if !ok {
		return nil
	}
	who := actorOf(b)
	f.each(func(n *znode.Node) bool {
		if w.looked++; w.looked > w.limit {
			return false
		}
		if who.is(n) && n.Waits() && (oldest == nil || n.Czxid() < oldest.Czxid()) {
			oldest = n
		}
		return true
	})
	return oldest
}
