package znode

import (
	"iter"
	"strings"
)

// A Tree is the whole replicated state: znodes, sessions and fences. Reads may run concurrently
// with reads; whoever calls Apply or one of the Load methods must keep everybody else out.
type Tree struct {
	nodes      map[string]*Node
	holders    map[SessionID]*holder
	fences     map[string]int64
	sessions   int // holders with a record
	ephemerals int
	size       int64
	zxid       int64

	emptied ordered[*Node]      // containers that have had children and have none, by pzxid
	lapsing ordered[*Node]      // TTL znodes without children, by the end of their time
	resting ordered[*Node]      // those of them that are contenders: of holds whose sessions have expired
	quotas  map[string]*Quota   // by the paths they are set on; nil before the first
	pending map[string]Counters // loaded before their znodes

	permitQueues map[string]int // places that the writer grants, by semaphore; nil before the first
}

// A holder is a session and what ends with it. While a tree is loaded, record may be missing.
type holder struct {
	record *Session
	owned  ordered[*Node] // ephemerals by path
}

// NewTree returns a tree with the znodes that are always there: "/", "/zookeeper",
// "/zookeeper/quota" and "/zookeeper/config", the last readable by all and writable by none.
func NewTree() *Tree {
	t := &Tree{
		nodes:   make(map[string]*Node),
		holders: make(map[SessionID]*holder),
		fences:  make(map[string]int64),
		emptied: ordered[*Node]{less: byPzxid},
		lapsing: ordered[*Node]{less: byLapse},
		resting: ordered[*Node]{less: byLapse},
	}
	var parent *Node
	for _, path := range []string{rootPath, systemPath, quotaPath, configPath} {
		n := t.newNode(path)
		n.data, n.acl = []byte{}, OpenACL
		if parent != nil {
			parent.link(n)
		}
		if path == rootPath || path == systemPath {
			parent = n
		}
	}
	t.nodes[configPath].acl = readACL
	return t
}

// Zxid returns the highest zxid of any change that the tree shows.
func (t *Tree) Zxid() int64 { return t.zxid }

// newNode puts a znode on the map, not yet under its parent.
func (t *Tree) newNode(path string) *Node {
	n := &Node{path: path}
	n.standing = placeOf(n.Name())
	t.nodes[path] = n
	t.size += int64(len(path))
	return n
}

// Get returns the znode at path.
func (t *Tree) Get(path string) (*Node, bool) {
	n, ok := t.nodes[path]
	return n, ok
}

// All walks all znodes in no particular order.
func (t *Tree) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		for _, n := range t.nodes {
			if !yield(n) {
				return
			}
		}
	}
}

// Len returns the number of znodes, the four that are always there included.
func (t *Tree) Len() int { return len(t.nodes) }

// DataSize returns how many bytes the paths and the data of all znodes have together.
func (t *Tree) DataSize() int64 { return t.size }

// EphemeralCount returns how many znodes are ephemeral.
func (t *Tree) EphemeralCount() int { return t.ephemerals }

// Session returns a session's record. It is never modified, but replaced by a move.
func (t *Tree) Session(id SessionID) (*Session, bool) {
	h, ok := t.holders[id]
	if !ok || h.record == nil {
		return nil, false
	}
	return h.record, true
}

// Sessions walks the records of all sessions in no particular order.
func (t *Tree) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for _, h := range t.holders {
			if h.record != nil && !yield(h.record) {
				return
			}
		}
	}
}

// NumSessions returns the number of sessions.
func (t *Tree) NumSessions() int { return t.sessions }

// Ephemerals walks the paths of a session's ephemerals in their order.
func (t *Tree) Ephemerals(id SessionID) iter.Seq[string] {
	return func(yield func(string) bool) {
		if h := t.holders[id]; h != nil {
			h.owned.all(func(n *Node) bool { return yield(n.path) })
		}
	}
}

// NumEphemerals returns how many ephemerals a session has.
func (t *Tree) NumEphemerals(id SessionID) int {
	if h := t.holders[id]; h != nil {
		return h.owned.len()
	}
	return 0
}

// OwnChild returns the path of the session's first ephemeral directly under parent whose name
// begins with prefix, by which a creator that missed the answer finds its znode again.
func (t *Tree) OwnChild(id SessionID, parent, prefix string) (path string, ok bool) {
	t.ownChildren(id, Join(parent, prefix), func(n *Node) bool {
		path, ok = n.path, true
		return false
	})
	return path, ok
}

// OwnChildren walks the session's ephemerals directly under parent whose names begin with prefix, in
// the order of their paths.
func (t *Tree) OwnChildren(id SessionID, parent, prefix string) iter.Seq[*Node] {
	return func(yield func(*Node) bool) { t.ownChildren(id, Join(parent, prefix), yield) }
}

// ownChildren walks the session's ephemerals whose paths begin with stem and end in the same
// directory as stem does.
func (t *Tree) ownChildren(id SessionID, stem string, yield func(*Node) bool) {
	h := t.holders[id]
	if h == nil || h.owned.len() == 0 {
		return
	}
	for pivot := stem; pivot != ""; {
		next := ""
		h.owned.from(&Node{path: pivot}, func(n *Node) bool {
			rest, under := strings.CutPrefix(n.path, stem)
			if !under {
				return false
			}
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				// Deeper: go on behind everything that directory holds ('0' follows '/').
				next = n.path[:len(stem)+i] + "0"
				return false
			}
			return yield(n)
		})
		pivot = next
	}
}

// Fence returns the highest token that a fence has seen; ok is false if it has seen none.
func (t *Tree) Fence(name string) (token int64, ok bool) {
	token, ok = t.fences[name]
	return token, ok
}

// Fences walks the names and highest tokens of all fences in no particular order.
func (t *Tree) Fences() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for name, token := range t.fences {
			if !yield(name, token) {
				return
			}
		}
	}
}

// NumFences returns the number of fences.
func (t *Tree) NumFences() int { return len(t.fences) }

// holder returns the entry of a session, made if need be.
func (t *Tree) holder(id SessionID) *holder {
	h := t.holders[id]
	if h == nil {
		h = &holder{owned: ordered[*Node]{less: byPath}}
		t.holders[id] = h
	}
	return h
}

func (t *Tree) setSession(s Session) {
	h := t.holder(s.ID)
	if h.record == nil {
		t.sessions++
	}
	h.record = &s
}

func (t *Tree) own(n *Node) {
	t.holder(n.owner).owned.insert(n)
	t.ephemerals++
}
