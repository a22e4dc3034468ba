package znode

import "iter"

// Parent returns the znode that this one is a child of; that of "/" is nil.
func (n *Node) Parent() *Node { return n.parent }

// Waits reports whether the znode is a contender that does not hold.
func (n *Node) Waits() bool { return n.contender && n.parent != nil && !n.parent.holds(n) }

// Blockers walks the contenders among the children that keep c, one of them, from holding: all that
// stand ahead of it or, for a shared one, all exclusive ones. First come first.
func (n *Node) Blockers(c *Node) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n.contenders == 0 {
			return
		}
		among := n.kids
		if c.shared && n.exclusive != nil {
			among = n.exclusive
		}
		among.all(func(child *Node) bool {
			switch {
			case child == c, !bySequence(child, c):
				return false
			case !child.contender, c.shared && child.shared:
				return true
			}
			return yield(child)
		})
	}
}

// StandsAhead reports whether n stands ahead of its sibling c.
func (n *Node) StandsAhead(c *Node) bool { return bySequence(n, c) }

// Ahead returns the nearest contender among the children ahead of c, whether c is still among
// them or not; nil if nobody is ahead.
func (n *Node) Ahead(c *Node) *Node {
	if n.contenders == 0 {
		return nil
	}
	var found *Node
	n.kids.below(c, func(child *Node) bool {
		if child.contender {
			found = child
		}
		return found == nil
	})
	return found
}

// Behind returns the nearest contender among the children behind c, whether c is still among them
// or not; nil if nobody is behind.
func (n *Node) Behind(c *Node) *Node {
	if n.contenders == 0 {
		return nil
	}
	var found *Node
	n.kids.from(c, func(child *Node) bool {
		if child.contender && child != c {
			found = child
		}
		return found == nil
	})
	return found
}

// Queue walks the contenders among the children, first come first.
func (n *Node) Queue() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n.contenders == 0 {
			return
		}
		n.kids.all(func(child *Node) bool { return !child.contender || yield(child) })
	}
}
