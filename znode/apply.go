package znode

import "fmt"

// An Effect is what applying one [Change] came to.
type Effect struct {
	// Result is that of the change's step. It means nothing if the change is Aux.
	Result Result
	// Node is the znode created, changed or, no longer in the tree, deleted; otherwise nil.
	Node *Node
	// Parent is the parent of a znode created or deleted; otherwise nil.
	Parent *Node
	// Err is a [*MismatchError] if the change does not fit the tree, which it then left as it was.
	Err error
}

// A MismatchError reports a change that cannot have been made to this tree: the log is broken,
// or entries were skipped or applied twice. The tree must be rebuilt.
type MismatchError struct {
	Kind ChangeKind
	Path string // of the znode or fence, if it is about one
	Zxid int64
}

// Error says which change does not fit.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("change %d of %q at zxid %#x does not fit the tree", e.Kind, e.Path, e.Zxid)
}

// Apply makes one change. It asks content for a znode's own key as the batch leaves it (false:
// the batch leaves none) and keeps the strings and slices it is given.
//
// Within a batch a znode's data may be newer than its Stat, because a batch's keys hold only
// the last data; nobody may read the tree until all changes of a batch are applied.
func (t *Tree) Apply(c *Change, content func(path string) (Content, bool)) Effect {
	var e Effect
	fits := true
	switch c.Kind {
	case Created:
		fits = t.applyCreated(c, content, &e)
	case Deleted:
		fits = t.applyDeleted(c, &e)
	case DataSet:
		fits = t.applyDataSet(c, content, &e)
	case ACLSet:
		fits = t.applyACLSet(c, content, &e)
	case SessionOpened, SessionMoved:
		if _, open := t.Session(c.Record.ID); open != (c.Kind == SessionMoved) {
			fits = false
			break
		}
		t.setSession(c.Record)
		e.Result.Session = c.Record
	case Rested:
		fits = t.applyRested(c, &e)
	case SessionClosed:
		fits = t.applyClosed(c)
	case FenceRaised:
		t.fences[c.Path] = c.Token
		e.Result.Token = c.Token
	case Answered:
		t.applyAnswered(c, &e)
	case Refused:
		t.applyRefused(c, &e)
	default:
		fits = false
	}
	if !fits {
		e.Err = &MismatchError{c.Kind, c.Path, c.Zxid}
		return e
	}
	t.zxid = max(t.zxid, c.Zxid)
	return e
}

func (t *Tree) applyCreated(c *Change, content func(string) (Content, bool), e *Effect) bool {
	dir, _ := Split(c.Path)
	parent := t.nodes[dir]
	if parent == nil || t.nodes[c.Path] != nil {
		return false
	}
	if c.Owner != 0 {
		if _, open := t.Session(c.Owner); !open {
			return false
		}
	}
	n := t.newNode(c.Path)
	if final, ok := content(c.Path); ok {
		n.data, n.acl = final.Data, final.ACL
	}
	if c.ACL != nil {
		n.acl = c.ACL
	}
	n.acl = share(n.acl)
	n.kind, n.ttl, n.owner = c.Node, c.TTL, c.Owner
	n.czxid, n.mzxid, n.pzxid = c.Zxid, c.Zxid, c.Zxid
	if c.Token != 0 {
		n.czxid, n.pzxid = c.Token, c.Token
	}
	n.ctime, n.mtime = c.Time, c.Time
	n.version, n.aversion, n.length = c.Version, c.Aversion, c.Length
	t.size += int64(len(n.data))

	t.busy(parent)
	parent.link(n)
	t.countWaiter(parent, n, 1)
	parent.creates++
	parent.pzxid = c.Zxid
	t.idle(n)
	if n.owner != 0 {
		t.own(n)
	}
	t.charge(n.path, 1, len(n.data))
	t.setQuota(n)
	e.Node, e.Parent = n, parent
	e.Result.Path = n.path
	e.Result.Stat = n.Stat()
	return true
}

func (t *Tree) applyDeleted(c *Change, e *Effect) bool {
	n := t.nodes[c.Path]
	if n == nil || n.parent == nil || n.NumChildren() > 0 {
		return false
	}
	t.busy(n)
	delete(t.nodes, n.path)
	t.size -= int64(len(n.path) + len(n.data))
	parent := n.parent
	parent.unlink(n)
	t.countWaiter(parent, n, -1)
	parent.pzxid = c.Zxid
	t.idle(parent)
	if n.owner != 0 {
		h := t.holder(n.owner)
		h.owned.remove(n)
		t.ephemerals--
	}
	t.charge(n.path, -1, -len(n.data))
	t.dropQuota(n.path)
	e.Node, e.Parent = n, parent
	return true
}

func (t *Tree) applyDataSet(c *Change, content func(string) (Content, bool), e *Effect) bool {
	n := t.nodes[c.Path]
	if n == nil {
		return false
	}
	final, _ := content(c.Path)
	t.busy(n)
	t.size += int64(len(final.Data) - len(n.data))
	t.charge(n.path, 0, len(final.Data)-len(n.data))
	n.data = final.Data
	t.setQuota(n)
	n.length, n.version = c.Length, c.Version
	n.mzxid, n.mtime = c.Zxid, c.Time
	t.idle(n)
	e.Node = n
	e.Result.Stat = n.Stat()
	if c.Repeated {
		e.Result.Path, e.Result.Repeated = n.path, true
	}
	return true
}

// applyRested turns an ephemeral whose session is about to end into a znode that lapses.
func (t *Tree) applyRested(c *Change, e *Effect) bool {
	n := t.nodes[c.Path]
	if n == nil || n.kind != Ephemeral || n.owner != c.Session {
		return false
	}
	t.holder(n.owner).owned.remove(n)
	t.ephemerals--
	n.kind, n.owner = TTL, 0
	n.version, n.mzxid, n.mtime = c.Version, c.Zxid, c.Time
	t.idle(n)
	e.Node = n
	return true
}

func (t *Tree) applyACLSet(c *Change, content func(string) (Content, bool), e *Effect) bool {
	n := t.nodes[c.Path]
	if n == nil {
		return false
	}
	if c.ACL != nil {
		n.acl = share(c.ACL)
	} else if final, ok := content(c.Path); ok {
		n.acl = share(final.ACL)
	}
	n.aversion = c.Aversion
	e.Node = n
	e.Result.Stat = n.Stat()
	return true
}

func (t *Tree) applyClosed(c *Change) bool {
	h := t.holders[c.Session]
	if h == nil || h.record == nil || h.owned.len() > 0 {
		return false
	}
	delete(t.holders, c.Session)
	t.sessions--
	return true
}

// applyAnswered tells a fence's token, or the path of what an OpReady has found; other answers carry
// nothing.
func (t *Tree) applyAnswered(c *Change, e *Effect) { e.Result.Path, e.Result.Token = c.Path, c.Token }

func (t *Tree) applyRefused(c *Change, e *Effect) {
	e.Result.Code = c.Code
	switch c.Code {
	case ErrStaleToken, ErrNoPermits, ErrLimitDiffers, ErrTooManyPermits:
		e.Result.Token = c.Token
	case ErrSessionExists:
		if s, ok := t.Session(c.Session); ok {
			e.Result.Session = *s
		}
	case ErrHeld:
		if n := t.nodes[c.Path]; n != nil {
			if first := n.firstContender(); first != nil {
				n = first // c.Path is the lock's; else it is that of an exclusive one that a reader would wait for
			}
			e.Result.Path, e.Result.Stat = n.path, n.Stat()
		}
	case ErrNotHolder:
		if dir := t.nodes[c.Path]; dir != nil {
			if first := dir.firstContender(); first != nil {
				e.Result.Path, e.Result.Stat = first.path, first.Stat()
			}
		}
	}
}
