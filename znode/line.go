package znode

import (
	"iter"
	"slices"
)

// The writer judges against a tree that batches have not reached yet. Who stands in which order at
// a lock is therefore looked up in layers: the contenders that the tree shows, less those that a
// batch has deleted, and those that a batch has made.

// contenders walks the contenders in dir in the order of their places, as the batch has left them.
// The batch must not change while it is walked.
func (d *Draft) contenders(dir *draftNode) iter.Seq[*draftNode] {
	return func(yield func(*draftNode) bool) {
		if dir.contenders == 0 {
			return
		}
		made := d.line(dir)
		next, more := 0, true
		tell := func(limit *Node) bool { // those made that stand before limit; nil: all
			for ; more && next < len(made) && (limit == nil || made[next].before(limit)); next++ {
				more = yield(made[next])
			}
			return more
		}
		if n := d.tree.nodes[dir.path]; n != nil && n.kids != nil {
			n.kids.all(func(child *Node) bool {
				if !child.contender {
					return true
				}
				if !tell(child) {
					return false
				}
				if next < len(made) && made[next].path == child.path || d.madeOrGone(child.path) {
					return true
				}
				more = yield(d.find(child.path))
				return more
			})
		}
		tell(nil)
	}
}

// madeOrGone reports whether a batch that the tree need not show has made the znode at path, or
// deleted it.
func (d *Draft) madeOrGone(path string) bool {
	for layer := d; layer != nil; layer = layer.below {
		if n, ok := layer.nodes[path]; ok {
			if !n.exists || n.fresh {
				return true
			}
		}
	}
	return false
}

// before reports whether a znode stands before one that the tree shows, as [bySequence] has it.
func (n *draftNode) before(b *Node) bool { return n.standing.compare(&b.standing, n.path, b.path) < 0 }

func compareSequence(a, b *draftNode) int { return a.standing.compare(&b.standing, a.path, b.path) }

// line returns the contenders in dir that this batch and the one below have made, in order. It is
// put together when it is first asked for, and kept up to date from then on: most batches never
// ask.
func (d *Draft) line(dir *draftNode) []*draftNode {
	if line, ok := d.lines[dir.path]; ok {
		return line
	}
	var line []*draftNode
	if d.below != nil {
		for _, b := range d.below.seen {
			if b.contender && b.exists && b.fresh && under(b.path, dir.path) && d.find(b.path) != nil && !d.nodes[b.path].fresh {
				line = append(line, d.nodes[b.path])
			}
		}
	}
	for _, n := range d.seen {
		if n.contender && n.exists && n.fresh && under(n.path, dir.path) {
			line = append(line, n)
		}
	}
	slices.SortFunc(line, compareSequence)
	d.lines[dir.path] = line
	return line
}

// under reports whether path is directly in dir.
func under(path, dir string) bool {
	parent, _ := Split(path)
	return parent == dir
}

// queueUp and dropOut keep a line that somebody has asked for up to date.
func (d *Draft) queueUp(parent, n *draftNode) {
	if line, asked := d.lines[parent.path]; asked {
		i, _ := slices.BinarySearchFunc(line, n, compareSequence)
		d.lines[parent.path] = slices.Insert(line, i, n)
	}
}

func (d *Draft) dropOut(parent, n *draftNode) {
	if line, asked := d.lines[parent.path]; asked {
		if i, made := slices.BinarySearchFunc(line, n, compareSequence); made {
			d.lines[parent.path] = slices.Delete(line, i, i+1)
		}
	}
}

// firstContender returns the contender in dir that stands ahead of all others, or nil.
func (d *Draft) firstContender(dir *draftNode) *draftNode {
	for n := range d.contenders(dir) {
		return n
	}
	return nil
}

// firstExclusive returns the contender in dir that stands ahead of all others that are not shared,
// or nil.
func (d *Draft) firstExclusive(dir *draftNode) *draftNode {
	if dir.contenders == dir.sharers {
		return nil
	}
	for n := range d.contenders(dir) {
		if !n.shared {
			return n
		}
	}
	return nil
}

// holds reports whether a contender in dir holds; see [Node.Holds].
func (d *Draft) holds(dir, n *draftNode) bool {
	switch {
	case !n.contender || !n.exists:
		return false
	case !n.shared:
		return d.firstContender(dir) == n
	}
	barrier := d.firstExclusive(dir)
	return barrier == nil || compareSequence(n, barrier) < 0
}
