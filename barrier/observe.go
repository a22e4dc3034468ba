package barrier

import "github.com/lockkeeper/lockkeeper/znode"

// readyName is the child that opens a double barrier.
const readyName = "ready"

// A stage says what a waiter waits for.
type stage uint8

const (
	passing  stage = iota // until the znode is gone
	entering              // until ready stands
	leaving               // until the others are gone
)

// A waiter is somebody at this member who waits at one barrier.
type waiter struct {
	stage stage
	child string        // path of its own participant; empty: it has none
	woken chan struct{} // holds one when there is something to look at
}

func (w *waiter) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// A spot is a barrier at which somebody waits.
type spot struct {
	waiters map[*waiter]struct{}
	own     map[string][]*waiter // by their participant's path
	opened  int64                // the zxid at which ready was last seen to be created; 0: not since somebody waits
}

// watch returns a waiter at the barrier whose znode is at p. The caller must unwatch it.
func (b *Barriers) watch(p string, st stage, child string) *waiter {
	w := &waiter{stage: st, child: child, woken: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.spots[p]
	if s == nil {
		s = &spot{waiters: map[*waiter]struct{}{}, own: map[string][]*waiter{}}
		b.spots[p] = s
	}
	s.waiters[w] = struct{}{}
	if child != "" {
		s.own[child] = append(s.own[child], w)
	}
	return w
}

func (b *Barriers) unwatch(p string, w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.spots[p]
	delete(s.waiters, w)
	if w.child != "" {
		list := s.own[w.child]
		for i := range list {
			if list[i] == w {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if s.own[w.child] = list; len(list) == 0 {
			delete(s.own, w.child)
		}
	}
	if len(s.waiters) == 0 {
		delete(b.spots, p)
	}
}

// openedSince reports whether ready was seen to be created at a zxid or later. It may be gone by
// now: kazoo's clients take it away when the first of them leaves.
func (b *Barriers) openedSince(p string, zxid int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.spots[p]
	return s != nil && s.opened >= zxid
}

// Changed looks on while the store applies changes and wakes those who wait for them. It is part of
// the store's Observer: it runs with the tree locked, and must be quick.
func (b *Barriers) Changed(t *znode.Tree, _ int64, c *znode.Change, _ *znode.Effect) {
	if c.Kind != znode.Created && c.Kind != znode.Deleted {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.spots) == 0 {
		return
	}
	if s := b.spots[c.Path]; s != nil && c.Kind == znode.Deleted {
		s.wake(func(w *waiter) bool { return true })
	}
	dir, name := znode.Split(c.Path)
	s := b.spots[dir]
	switch {
	case s == nil:
	case c.Kind == znode.Created && name == readyName:
		s.opened = c.Zxid
		s.wake(func(w *waiter) bool { return w.stage == entering })
	case c.Kind == znode.Created:
		// Whoever is lowest no longer has to hand over to those above.
		s.wake(func(w *waiter) bool { return w.stage == leaving && w.child > c.Path })
	default:
		for _, w := range s.own[c.Path] {
			w.wake()
		}
		if participants(t, dir) <= 1 {
			s.wake(func(w *waiter) bool { return w.stage == leaving })
		}
	}
}

func (s *spot) wake(whom func(*waiter) bool) {
	for w := range s.waiters {
		if whom(w) {
			w.wake()
		}
	}
}

// participants returns how many are at a double barrier.
func participants(t *znode.Tree, dir string) int {
	n, ok := t.Get(dir)
	if !ok {
		return 0
	}
	count := n.NumChildren()
	if _, ready := n.Child(readyName); ready {
		count--
	}
	return count
}

// Rebuilt takes a tree that was built anew: everybody who waits looks again.
func (b *Barriers) Rebuilt(*znode.Tree, int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.spots {
		s.wake(func(*waiter) bool { return true })
	}
}
