package znode

// A draftNode is a znode as the batch has left it so far.
type draftNode struct {
	Content
	path       string
	creates    int64
	pzxid      int64
	children   int32
	contenders int32
	sharers    int32 // among the contenders
	gave       int32 // index of the change by which this batch gave the ACL, or -1
	mark       uint64
	sweptAt    int64 // the zxid at which it was deleted along with its other half
	exists     bool
	stood      bool // before this batch
	counted    bool // had a counters' key before this batch
	fresh      bool // created by this batch
	ownDirty   bool // the own key must be written, or deleted
	kidsDirty  bool // the counters' key must be written, or deleted
	standing        // among the siblings
}

func (n *draftNode) length() int32 { return int32(len(n.Data)) }

// A draftSession is a session as the batch has left it so far.
type draftSession struct {
	id     SessionID
	record *Session // nil: there is none
	stood  bool     // it was open before this batch
	dirty  bool
	mark   uint64
	made   ordered[*draftNode] // ephemerals that this batch created and that still exist
}

// The undo journal holds what a request of several steps has touched, as it was before. Marks
// keep it to one entry a request.
type (
	undoNode struct {
		node  *draftNode
		saved draftNode
	}
	undoSession struct {
		session *draftSession
		record  *Session
		dirty   bool
	}
	undoFence struct {
		name    string
		token   int64
		touched bool
	}
)

func byDraftPath(a, b *draftNode) bool { return a.path < b.path }

// find returns the znode at path, or nil. It is taken over from the batch before, or else from
// the tree, on first sight.
func (d *Draft) find(path string) *draftNode {
	n, ok := d.nodes[path]
	if !ok && d.below != nil {
		if b, known := d.below.nodes[path]; known {
			n, ok = d.takeOver(b), true
		}
	}
	if ok {
		if !n.exists {
			return nil
		}
		return n
	}
	b, ok := d.tree.nodes[path]
	if !ok {
		return nil
	}
	n = d.newNode(b.path)
	n.Content = b.Content()
	n.exists, n.stood, n.counted = true, true, b.creates > 0
	n.creates, n.pzxid = b.creates, b.pzxid
	n.children, n.contenders, n.sharers, n.standing = int32(b.NumChildren()), b.contenders, b.sharers, b.standing
	return n
}

// takeOver takes a znode over, or the knowledge that there is none, as the batch before left it.
func (d *Draft) takeOver(b *draftNode) *draftNode {
	n := d.newNode(b.path)
	n.standing = b.standing
	if !b.exists {
		return n
	}
	n.Content = b.Content
	n.exists, n.stood, n.counted = true, true, b.creates > 0
	n.creates, n.pzxid = b.creates, b.pzxid
	n.children, n.contenders, n.sharers = b.children, b.contenders, b.sharers
	return n
}

// slot returns the place for a new znode at path, where none exists.
func (d *Draft) slot(path string) *draftNode {
	if n, ok := d.nodes[path]; ok {
		return n
	}
	n := d.newNode(path)
	n.standing = placeOf(n.name())
	return n
}

func (n *draftNode) name() string {
	_, name := Split(n.path)
	return name
}

func (d *Draft) newNode(path string) *draftNode {
	var n *draftNode
	if len(d.seen) < cap(d.seen) {
		d.seen = d.seen[:len(d.seen)+1]
		n = d.seen[len(d.seen)-1]
	} else {
		d.seen = append(d.seen, nil)
	}
	if n == nil {
		n = new(draftNode)
		d.seen[len(d.seen)-1] = n
	}
	*n = draftNode{path: path, gave: -1}
	d.nodes[path] = n
	return n
}

// session returns the session as the batch has left it, with a nil record if there is none.
func (d *Draft) session(id SessionID) *draftSession {
	if s, ok := d.sessions[id]; ok {
		return s
	}
	s := &draftSession{id: id, made: ordered[*draftNode]{less: byDraftPath}}
	s.record, s.stood = d.Session(id)
	d.sessions[id] = s
	return s
}

// touch must be called before a znode is changed.
func (d *Draft) touch(n *draftNode) {
	if d.journal && n.mark != d.serial {
		n.mark = d.serial
		d.undoNodes = append(d.undoNodes, undoNode{n, *n})
	}
}

// touchSession must be called before a session's record is changed.
func (d *Draft) touchSession(s *draftSession) {
	if d.journal && s.mark != d.serial {
		s.mark = d.serial
		d.undoSessions = append(d.undoSessions, undoSession{s, s.record, s.dirty})
	}
}

// undo takes back everything that the request at hand has done.
func (d *Draft) undo() {
	for i := range d.undoNodes {
		u := &d.undoNodes[i]
		d.unlist(u.node)
		d.weigh(u.node, -1)
		*u.node = u.saved
		d.weigh(u.node, 1)
		d.list(u.node)
	}
	for _, u := range d.undoSessions {
		u.session.record, u.session.dirty = u.record, u.dirty
	}
	for i := len(d.undoFences) - 1; i >= 0; i-- {
		if u := d.undoFences[i]; u.touched {
			d.fences[u.name] = u.token
		} else {
			delete(d.fences, u.name)
		}
	}
	clear(d.lines)
	clear(d.changes[d.firstChange:])
	d.changes = d.changes[:d.firstChange]
	d.size = d.firstSize
}

// list enters an ephemeral of this batch with its session.
func (d *Draft) list(n *draftNode) {
	if n.exists && n.fresh && n.Owner != 0 {
		d.session(n.Owner).made.insert(n)
	}
}

func (d *Draft) unlist(n *draftNode) {
	if n.exists && n.fresh && n.Owner != 0 {
		d.session(n.Owner).made.remove(n)
	}
}
