package znode

import "iter"

// bySequence orders siblings.
func bySequence(a, b *Node) bool { return a.standing.compare(&b.standing, a.path, b.path) < 0 }

func byPath(a, b *Node) bool { return a.path < b.path }

// Children walks the children in the order of their sequence numbers, then names; those without
// a number come last.
func (n *Node) Children() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n.kids != nil {
			n.kids.all(yield)
		}
	}
}

// ChildNames returns the names of the children in the order of [Node.Children].
func (n *Node) ChildNames() []string {
	names := make([]string, 0, n.NumChildren())
	for child := range n.Children() {
		names = append(names, child.Name())
	}
	return names
}

// Child returns the child of that name.
func (n *Node) Child(name string) (*Node, bool) {
	if n.kids == nil {
		return nil, false
	}
	pivot := &Node{path: Join(n.path, name), standing: placeOf(name)}
	var found *Node
	n.kids.from(pivot, func(child *Node) bool {
		if child.path == pivot.path {
			found = child
		}
		return false
	})
	return found, found != nil
}

// Descendants returns how many znodes stand below this one, at any depth.
func (n *Node) Descendants() int {
	total := 0
	stack := []*Node{n}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for child := range top.Children() {
			total++
			if child.kids != nil {
				stack = append(stack, child)
			}
		}
	}
	return total
}

// NumContenders returns how many children are lock contenders; see [Contender].
func (n *Node) NumContenders() int { return int(n.contenders) }

// Contenders walks the lock contenders among the children, names and numbers, first come first.
func (n *Node) Contenders() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		if n.contenders == 0 {
			return
		}
		n.kids.all(func(child *Node) bool {
			return !child.contender || yield(child.Name(), child.seq)
		})
	}
}

// FirstContender returns the contender at the head of the queue; ok is false if there is none.
func (n *Node) FirstContender() (name string, seq int64, ok bool) {
	return contender(n.firstContender())
}

func (n *Node) firstContender() *Node {
	if n.contenders == 0 {
		return nil
	}
	var first *Node
	n.kids.all(func(child *Node) bool {
		if child.contender {
			first = child
		}
		return first == nil
	})
	return first
}

// ContenderBefore returns the nearest contender ahead of the given place in the queue, whether
// a contender stands there or not; ok is false if nobody is ahead.
func (n *Node) ContenderBefore(seq int64, name string) (before string, beforeSeq int64, ok bool) {
	if n.contenders == 0 {
		return "", 0, false
	}
	var found *Node
	pivot := &Node{path: Join(n.path, name), standing: placeOf(name)}
	pivot.seq = seq
	n.kids.below(pivot, func(child *Node) bool {
		if child.contender {
			found = child
		}
		return found == nil
	})
	return contender(found)
}

// Position returns how many contenders stand ahead of the contender called name, in time
// proportional to the answer; ok is false if there is no such contender.
func (n *Node) Position(name string) (ahead int, ok bool) {
	if _, isContender := Contender(name); !isContender || n.contenders == 0 {
		return 0, false
	}
	self, ok := n.Child(name)
	if !ok {
		return 0, false
	}
	n.kids.all(func(child *Node) bool {
		if child == self {
			return false
		}
		if child.contender {
			ahead++
		}
		return true
	})
	return ahead, true
}

func contender(n *Node) (name string, seq int64, ok bool) {
	if n == nil {
		return "", 0, false
	}
	return n.Name(), n.seq, true
}

// link puts a child under its parent.
func (n *Node) link(child *Node) {
	if n.kids == nil {
		n.kids = &ordered[*Node]{less: bySequence}
	}
	n.kids.insert(child)
	child.parent = n
	if child.contender {
		n.contenders++
		n.queue(child)
	}
}

func (n *Node) unlink(child *Node) {
	n.kids.remove(child)
	if child.contender {
		n.contenders--
		n.unqueue(child)
	}
}
