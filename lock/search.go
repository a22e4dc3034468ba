package lock

import (
	"slices"

	"github.com/lockkeeper/lockkeeper/znode"
)

// A step is one waiting contender on the way of a search.
type step struct {
	node *znode.Node
	by   *znode.Node // the contender of the same actor that the step before waits for; nil: the first
	from int         // the step before; -1: none
}

// A search looks for the shortest cycle that a waiting contender is part of. It walks from its
// actor to those whom it waits for, and on, breadth first.
type search struct {
	footings footings
	limit    int // contenders to look at
	newest   int64
	others   bool // a cycle of one actor, who waits for what it has itself, does not count

	looked  int
	self    actor
	seen    map[actor]struct{}
	covered map[*znode.Node]*znode.Node // by directory: nobody ahead of this contender need be looked at again
	steps   []step
}

// run returns the cycle's waiting contenders, and for each the contender of the same actor that
// the one before it waits for; the first one's is what the last waits for. Waits of contenders
// that are newer than s.newest do not count.
//
// What a contender waits for only becomes less: whoever comes later stands behind it. So a cycle
// is closed by the newest of its waits, at the moment that one begins, and a search from there
// which leaves newer waits aside finds every cycle that this one has closed and no other.
func (s *search) run(n *znode.Node) (cycle []step, ok bool) {
	s.self = actorOf(n)
	s.seen, s.covered = map[actor]struct{}{}, map[*znode.Node]*znode.Node{}
	s.steps = append(s.steps[:0], step{node: n, from: -1})
	for i := 0; i < len(s.steps) && s.looked <= s.limit; i++ {
		if last := s.expand(i); last != nil {
			return s.unwind(i, last), true
		}
	}
	return nil, false
}

// cut reports whether the search ended before it had seen all.
func (s *search) cut() bool { return s.looked > s.limit }

// expand looks at those whom a step waits for. It returns the contender that leads back to where
// the search began.
func (s *search) expand(i int) (last *znode.Node) {
	n := s.steps[i].node
	dir := n.Parent()
	// Where its own contenders do not lead back, somebody who waits for them does: whoever stands ahead
	// of n too is looked at for what it waits for.
	first := i == 0 && s.others
	if before := s.covered[dir]; before != nil && !before.StandsAhead(n) {
		return nil
	}
	if !n.Shared() && !first {
		s.covered[dir] = n
	}
	for b := range dir.Blockers(n) {
		if s.looked++; s.cut() {
			return nil
		}
		if s.self.is(b) {
			if first {
				continue
			}
			return b
		}
		f, known := s.footings[b.Owner()]
		if !known || f.queued() == 0 || f.one == b && !n.Shared() && !first {
			continue // it waits for nobody, or for those ahead of it, at whom we look anyway
		}
		who := actorOf(b)
		if _, seen := s.seen[who]; seen {
			continue
		}
		s.seen[who] = struct{}{}
		f.each(func(w *znode.Node) bool {
			s.looked++
			if w.Czxid() <= s.newest && who.is(w) && w.Waits() {
				s.steps = append(s.steps, step{node: w, by: b, from: i})
			}
			return !s.cut()
		})
	}
	return nil
}

// unwind returns the steps of a cycle from the first on.
func (s *search) unwind(i int, last *znode.Node) (cycle []step) {
	for ; i >= 0; i = s.steps[i].from {
		cycle = append(cycle, s.steps[i])
	}
	slices.Reverse(cycle)
	cycle[0].by = last
	return cycle
}

// newestOf is the token of the newest wait of a cycle, which has closed it.
func newestOf(cycle []step) (newest Token) {
	for _, s := range cycle {
		newest = max(newest, Token(s.node.Czxid()))
	}
	return newest
}

// A mark is what must be read of a link while the tree does not change.
type mark struct{ waits, holds sighting }

// marks reads a cycle. The Locker's mutex must not be held.
func (l *Locker) marks(t *znode.Tree, cycle []step) []mark {
	list := make([]mark, len(cycle))
	for i, s := range cycle {
		list[i].waits = l.stand(t, s.node)
		list[i].holds = l.stand(t, s.by)
	}
	return list
}

// stand reads a contender and its place; the zero sighting for nil.
func (l *Locker) stand(t *znode.Tree, n *znode.Node) sighting {
	if n == nil {
		return sighting{}
	}
	position := 0
	if n.Waits() {
		position = 1 // nobody asks for more
	}
	return l.sight(t, n, position)
}

// links makes links of what was read.
func links(list []mark) []Link {
	made := make([]Link, len(list))
	for i := range list {
		made[i] = list[i].link()
	}
	return made
}

func (m *mark) link() Link {
	var k Link
	for _, side := range []struct {
		seen *sighting
		to   *Stand
	}{{&m.holds, &k.Holds}, {&m.waits, &k.Waits}} {
		if side.seen.path == "" {
			continue
		}
		c := side.seen.contender()
		dir, _ := znode.Split(side.seen.path)
		k.Session, k.Owner, k.Door = c.Session, c.Owner, c.Door
		*side.to = Stand{Name: lockName(dir), Token: c.Token, State: c.State, Since: c.Since}
		if c.State == Waiting {
			side.to.Since = c.Enqueued
		}
	}
	return k
}
