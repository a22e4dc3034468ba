package znode

import "fmt"

// An OrphanError reports that loaded keys do not make a tree.
type OrphanError struct {
	Path    string // the znode that does not fit
	Missing string // what it lacks
}

// Error says which znode lacks what.
func (e *OrphanError) Error() string {
	return fmt.Sprintf("znode %q has no %s", e.Path, e.Missing)
}

// LoadNode takes one znode's own key. Keys of all kinds may come in any order, but the tree is
// whole only after [Tree.Finish]; each may come once. The tree keeps the content's slices.
func (t *Tree) LoadNode(path string, c Content) {
	n := t.nodes[path]
	if n == nil {
		n = t.newNode(path)
	}
	t.size += int64(len(c.Data) - len(n.data))
	n.setContent(&c)
	n.length = int32(len(c.Data))
	if n.creates == 0 {
		n.pzxid = c.Czxid
	}
}

// LoadCounters takes one znode's child-counter key.
func (t *Tree) LoadCounters(path string, c Counters) {
	if n := t.nodes[path]; n != nil && isSpecial(path) {
		n.creates, n.pzxid = c.Creates, c.Pzxid
		return
	}
	if t.pending == nil {
		t.pending = make(map[string]Counters)
	}
	t.pending[path] = c
}

// LoadSession takes one session's key.
func (t *Tree) LoadSession(s Session) { t.setSession(s) }

// LoadFence takes one fence's key.
func (t *Tree) LoadFence(name string, token int64) { t.fences[name] = token }

// LoadZxid takes the highest zxid that was given to any change.
func (t *Tree) LoadZxid(zxid int64) { t.zxid = zxid }

// Finish puts together what was loaded. It returns an [*OrphanError] if a znode's parent, an
// ephemeral's session or a counter's znode is missing; the tree is then of no use.
func (t *Tree) Finish() error {
	for path, c := range t.pending {
		n := t.nodes[path]
		if n == nil {
			return &OrphanError{path, "key of its own beside its child counters"}
		}
		n.creates, n.pzxid = c.Creates, c.Pzxid
	}
	t.pending = nil
	for path, n := range t.nodes {
		if n.parent != nil || path == rootPath {
			continue
		}
		dir, _ := Split(path)
		parent := t.nodes[dir]
		if parent == nil || parent.kind == Ephemeral {
			return &OrphanError{path, "parent"}
		}
		parent.link(n)
		t.countWaiter(parent, n, 1)
		if n.owner != 0 {
			t.own(n)
		}
	}
	for _, h := range t.holders {
		if h.record == nil {
			return h.orphan()
		}
	}
	for _, n := range t.nodes {
		t.idle(n)
		t.setQuota(n)
	}
	return nil
}

// orphan names one ephemeral of a session that is not there.
func (h *holder) orphan() error {
	path := ""
	h.owned.all(func(n *Node) bool {
		path = n.path
		return false
	})
	return &OrphanError{path, "session"}
}
