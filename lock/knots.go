package lock

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// listShare is how many times as much as one search a look at all waits may take.
const listShare = 16

// Deadlocks returns the cycles of actors who wait for each other, whatever their doors and
// modes, up to limit of them. Actors that can all reach each other are told as one Cycle, by one
// ring of them; an actor who waits for nobody but itself is none.
func (l *Locker) Deadlocks(ctx context.Context, limit int, fresh store.Read) (Deadlocks, error) {
	if err := l.store.Fresh(ctx, fresh); err != nil {
		return Deadlocks{}, err
	}
	var d Deadlocks
	var found [][]mark
	var sizes []int
	l.store.View(func(t *znode.Tree, revision int64) {
		d.Revision = revision
		rings, actors, complete := l.rings(limit)
		if !complete {
			d.Limit = listShare * l.cfg.DeadlockSearch
		}
		d.Total = len(actors)
		for _, ring := range rings {
			found = append(found, l.marks(t, ring))
		}
		sizes = actors
	})
	for i, ring := range found {
		c := Cycle{Links: links(ring), Actors: sizes[i]}
		for j := range c.Links {
			if since := c.Links[j].Waits.Since; since.After(c.Since) {
				c.Since = since
			}
		}
		d.Cycles = append(d.Cycles, c)
	}
	return d, nil
}

// rings returns one ring of each knot, the oldest knot first, and how many actors each knot has.
func (l *Locker) rings(limit int) (rings [][]step, actors []int, complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := newWeb(l.footings, listShare*l.cfg.DeadlockSearch)
	s := search{footings: l.footings, limit: listShare * l.cfg.DeadlockSearch, newest: math.MaxInt64, others: true}
	for _, knot := range g.knots() {
		// A wait that is not the newest may lead out of the knot only; the newest that leads
		// round tells best when it was closed.
		ring := []step(nil)
		for _, n := range g.waitsOf(knot) {
			if found, ok := s.run(n); ok {
				ring = found
				break
			}
		}
		if ring == nil || len(rings) >= limit {
			actors = append(actors, len(knot))
			continue
		}
		rings = append(rings, ring)
		actors = slices.Insert(actors, len(rings)-1, len(knot))
	}
	return rings, actors, !g.cut() && !s.cut()
}

// A web is the wait-for graph of the actors that both block somebody and wait. Of the edges it has
// only those to the nearest blockers, from which the others can be reached.
type web struct {
	limit, looked int
	index         map[actor]int
	waits         [][]*znode.Node // by actor
	edges         [][]int
}

func newWeb(fs footings, limit int) *web {
	g := &web{limit: limit, index: map[actor]int{}}
	dirs := map[*znode.Node]struct{}{}
	for _, f := range fs {
		if f.blocks == 0 {
			continue
		}
		f.each(func(n *znode.Node) bool {
			if g.looked++; !n.Waits() {
				return !g.cut()
			}
			dirs[n.Parent()] = struct{}{}
			i := g.at(actorOf(n))
			g.waits[i] = append(g.waits[i], n)
			return !g.cut()
		})
		if g.cut() {
			break
		}
	}
	for dir := range dirs {
		g.weave(dir)
	}
	return g
}

func (g *web) cut() bool { return g.looked > g.limit }

// at returns an actor's number.
func (g *web) at(a actor) int {
	i, ok := g.index[a]
	if !ok {
		i = len(g.waits)
		g.index[a] = i
		g.waits, g.edges = append(g.waits, nil), append(g.edges, nil)
	}
	return i
}

// weave adds the edges of one queue.
func (g *web) weave(dir *znode.Node) {
	before := -1      // the actor of the nearest exclusive contender ahead; -1: none
	var readers []int // the actors of the shared ones that came after it
	for n := range dir.Queue() {
		if g.looked++; g.cut() {
			return
		}
		i, ok := g.index[actorOf(n)]
		if !ok {
			continue // it waits for nothing or blocks nobody: nobody gets round by it
		}
		if before >= 0 && before != i {
			g.edges[i] = append(g.edges[i], before)
		}
		if n.Shared() {
			readers = append(readers, i)
			continue
		}
		for _, r := range readers {
			if r != i {
				g.edges[i] = append(g.edges[i], r)
			}
		}
		before, readers = i, readers[:0]
	}
}

// knots returns the strongly connected parts of more than one actor, by Tarjan's algorithm without
// recursion, those whose last wait is the oldest first.
func (g *web) knots() (list [][]int) {
	type frame struct{ node, edge int }
	var (
		order = make([]int, len(g.edges)) // when each was reached, from 1 on
		low   = make([]int, len(g.edges))
		on    = make([]bool, len(g.edges))
		next  = 1
		path  []int
		calls []frame
	)
	reach := func(i int) {
		order[i], low[i], on[i] = next, next, true
		next++
		path, calls = append(path, i), append(calls, frame{i, 0})
	}
	for root := range g.edges {
		if order[root] != 0 {
			continue
		}
		for reach(root); len(calls) > 0; {
			top := &calls[len(calls)-1]
			i := top.node
			if top.edge < len(g.edges[i]) {
				to := g.edges[i][top.edge]
				top.edge++
				if order[to] == 0 {
					reach(to)
				} else if on[to] {
					low[i] = min(low[i], order[to])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				up := calls[len(calls)-1].node
				low[up] = min(low[up], low[i])
			}
			if low[i] != order[i] {
				continue
			}
			at := slices.Index(path, i)
			if knot := path[at:]; len(knot) > 1 {
				list = append(list, slices.Clone(knot))
			}
			for _, j := range path[at:] {
				on[j] = false
			}
			path = path[:at]
		}
	}
	slices.SortFunc(list, func(a, b []int) int { return cmp.Compare(g.waitsOf(a)[0].Czxid(), g.waitsOf(b)[0].Czxid()) })
	return list
}

// waitsOf returns the waiting contenders of a knot's actors, newest first.
func (g *web) waitsOf(knot []int) (list []*znode.Node) {
	for _, i := range knot {
		list = append(list, g.waits[i]...)
	}
	slices.SortFunc(list, func(a, b *znode.Node) int {
		return cmp.Or(cmp.Compare(b.Czxid(), a.Czxid()), cmp.Compare(a.Path(), b.Path()))
	})
	return list
}
