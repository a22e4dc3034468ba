package znode

import "slices"

// byPzxid orders emptied containers by when they lost their last child, longest ago first.
func byPzxid(a, b *Node) bool {
	if a.pzxid != b.pzxid {
		return a.pzxid < b.pzxid
	}
	return a.path < b.path
}

// byLapse orders TTL znodes by when their time is over.
func byLapse(a, b *Node) bool {
	if x, y := a.mtime+a.ttl, b.mtime+b.ttl; x != y {
		return x < y
	}
	return a.path < b.path
}

// lapsed reports whether a TTL znode's time is over.
func lapsed(mtime, ttl, now int64) bool { return now-mtime > ttl }

// Reapable returns up to limit paths of znodes that an [OpReap] would delete: containers that
// have had children and have none, the longest empty first, then childless TTL znodes whose
// time is over at now, in milliseconds since 1970.
func (t *Tree) Reapable(now int64, limit int) []string {
	var paths []string
	if limit <= 0 {
		return nil
	}
	t.emptied.all(func(n *Node) bool {
		paths = append(paths, n.path)
		return len(paths) < limit
	})
	paths = over(&t.resting, now, limit, paths)
	return slices.Clip(over(&t.lapsing, now, limit, paths))
}

// Rested returns up to limit paths of what is left of holds whose sessions have expired, where the
// lock has rested for its time at now. They are among Reapable's; whoever waits behind one waits
// for no more than its reaping.
func (t *Tree) Rested(now int64, limit int) []string { return over(&t.resting, now, limit, nil) }

// over appends the paths of those of set whose time is over, until there are limit.
func over(set *ordered[*Node], now int64, limit int, paths []string) []string {
	if len(paths) >= limit {
		return paths
	}
	set.all(func(n *Node) bool {
		if !lapsed(n.mtime, n.ttl, now) {
			return false
		}
		paths = append(paths, n.path)
		return len(paths) < limit
	})
	return paths
}

// idle puts a znode among the reaper's candidates if it is one.
func (t *Tree) idle(n *Node) {
	if s := t.candidates(n); s != nil {
		s.insert(n)
	}
}

// busy takes a znode from among the reaper's candidates. It must be called before anything
// changes that the candidates are ordered by.
func (t *Tree) busy(n *Node) {
	if s := t.candidates(n); s != nil {
		s.remove(n)
	}
}

func (t *Tree) candidates(n *Node) *ordered[*Node] {
	switch {
	case n.kind == Container && n.creates > 0 && n.NumChildren() == 0:
		return &t.emptied
	case n.kind == TTL && n.NumChildren() == 0 && n.contender:
		return &t.resting
	case n.kind == TTL && n.NumChildren() == 0:
		return &t.lapsing
	}
	return nil
}
