package znode

import "iter"

// Who holds a lock follows from the order of its contenders: an exclusive one holds when nobody
// stands ahead of it, a shared one when nobody exclusive does. So either the first contender
// holds alone, or all the shared ones that stand before the first exclusive one hold together.

// Holds reports whether the contender called name is there and holds, in time that grows with the
// logarithm of the number of contenders.
func (n *Node) Holds(name string) bool {
	c, ok := n.Child(name)
	return ok && n.holds(c)
}

func (n *Node) holds(c *Node) bool {
	if !c.contender {
		return false
	}
	if !c.shared {
		return n.firstContender() == c
	}
	barrier := n.firstExclusive()
	return barrier == nil || bySequence(c, barrier)
}

// WouldHold reports whether c, which stood among the contenders and has gone, would hold if it were
// still there.
func (n *Node) WouldHold(c *Node) bool {
	ahead := n.firstContender()
	if c.shared {
		ahead = n.firstExclusive()
	}
	return c.contender && (ahead == nil || bySequence(c, ahead))
}

// Heir returns the reader that an [OpDowngrade] has put in the place of c, which has gone.
func (n *Node) Heir(c *Node) (heir *Node, ok bool) {
	if c.shared || !c.contender || n.sharers == 0 {
		return nil, false
	}
	place := &Node{standing: c.standing}
	place.shared = true
	n.kids.from(place, func(child *Node) bool {
		if child.seq != c.seq {
			return false
		}
		if child.shared && child.czxid == c.czxid {
			heir = child
		}
		return heir == nil
	})
	return heir, heir != nil
}

// Shared reports whether the znode is a contender that holds together with others of its kind.
func (n *Node) Shared() bool { return n.shared }

// Holders walks the contenders that hold, first come first.
func (n *Node) Holders() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n.contenders == 0 {
			return
		}
		n.holdersFrom(nil, yield)
	}
}

// HoldersAfter walks the contenders that hold and stand behind c, which may have left: with c gone
// these are who holds because of that, if c was exclusive. It takes time for those only.
func (n *Node) HoldersAfter(c *Node) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n.contenders == 0 {
			return
		}
		if barrier := n.firstExclusive(); barrier != nil && bySequence(barrier, c) {
			return
		}
		n.holdersFrom(c, yield)
	}
}

// holdersFrom walks the holders from the first one behind c on, which nobody exclusive is ahead of;
// c is nil for all.
func (n *Node) holdersFrom(c *Node, yield func(*Node) bool) {
	walk := func(child *Node) bool {
		switch {
		case !child.contender || child == c:
			return true
		case child.shared:
			return yield(child)
		case n.firstContender() == child:
			yield(child)
		}
		return false
	}
	if c == nil {
		n.kids.all(walk)
		return
	}
	n.kids.from(c, walk)
}

// firstExclusive returns the exclusive contender that stands ahead of all others of its kind, or nil.
// Everybody behind it waits.
func (n *Node) firstExclusive() *Node {
	switch {
	case n.contenders == n.sharers:
		return nil
	case n.exclusive == nil:
		return n.firstContender() // there is nobody else
	}
	var first *Node
	n.exclusive.all(func(c *Node) bool {
		first = c
		return false
	})
	return first
}

// queue notes a contender that has come. From the first shared one on, until nobody is left, the
// exclusive ones are kept in a set of their own: they would have to be searched for among many
// shared ones otherwise.
func (n *Node) queue(c *Node) {
	if c.shared {
		n.sharers++
		if n.exclusive == nil {
			n.exclusive = &ordered[*Node]{less: bySequence}
			n.kids.all(func(child *Node) bool {
				if child.contender && !child.shared {
					n.exclusive.insert(child)
				}
				return true
			})
		}
		return
	}
	if n.exclusive != nil {
		n.exclusive.insert(c)
	}
}

// unqueue notes that a contender has gone.
func (n *Node) unqueue(c *Node) {
	switch {
	case c.shared:
		n.sharers--
	case n.exclusive != nil:
		n.exclusive.remove(c)
	}
	if n.contenders == 0 {
		n.exclusive = nil
	}
}
