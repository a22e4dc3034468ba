package znode

import "strings"

// vacant passes if a contender that came now would hold. It also passes if a contender is the
// session's own from before, told by the same Protected id as in the create to come: then the
// request is a repeated one, and the create will answer with that znode.
func (d *Draft) vacant(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if !validPath(op.Path) {
		return ErrBadArguments
	}
	if n := d.find(op.Path); n != nil {
		if !Permits(n.ACL, d.request.Auth, PermRead) {
			return ErrNoAuth
		}
		ahead := n.contenders
		if op.Shared {
			ahead -= n.sharers
		}
		if ahead > 0 && d.ownChild(op.Path, op.Protected) == "" {
			if d.whyPath = n.path; op.Shared && n.sharers > 0 {
				d.whyPath = d.firstExclusive(n).path
			}
			return ErrHeld
		}
	}
	d.add(Answered)
	return OK
}

// held passes while a contender of the token holds.
func (d *Draft) held(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if !validPath(op.Path) || op.Czxid <= 0 {
		return ErrBadArguments
	}
	d.whyPath = op.Path
	dir := d.find(op.Path)
	if dir == nil {
		return ErrNotHolder
	}
	if !Permits(dir.ACL, d.request.Auth, PermRead) {
		return ErrNoAuth
	}
	for n := range d.contenders(dir) {
		if n.Czxid == op.Czxid && n.Owner != 0 && d.holds(dir, n) {
			d.add(Answered)
			return OK
		}
		if !n.shared {
			break // nobody behind it holds
		}
	}
	return ErrNotHolder
}

// downgrade puts a reader in the place of a writer that holds: with the same id, number and data,
// so that readers behind it may come in and writers do not get past. It keeps the czxid, too: that
// is the hold's token, and a new one would be above those of all who wait. The reader comes first
// and the writer goes after it: at no moment does nobody hold.
func (d *Draft) downgrade(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if !validPath(op.Path) {
		return ErrBadArguments
	}
	dir, _ := Split(op.Path)
	parent, n := d.find(dir), d.find(op.Path)
	switch {
	case n == nil, op.Czxid != 0 && op.Czxid != n.Czxid:
		return ErrNoNode
	case n.Owner == 0 || n.Owner != d.by:
		return ErrNotOwner
	}
	head, digits := cutDigits(n.name())
	id, ok := groups[writers][0].id(head)
	switch {
	case !ok:
		return ErrBadArguments
	case !d.holds(parent, n):
		d.whyPath = dir
		return ErrNotHolder
	}
	others := d.others(parent, n)
	seq := parseSequence(digits, false)
	names := groups[readers][:1]
	if len(others) > 0 {
		names = groups[readers]
	}
	var paths []string
	for i, p := range names {
		paths = append(paths, Join(dir, numbered(p.stem(id), seq+int64(i))))
	}
	if d.any(paths) {
		return ErrNodeExists
	}
	for i, path := range paths {
		made := n.Content
		made.Version, made.Aversion = 0, 0
		reader := d.insert(parent, path, &made)
		reader.Czxid, reader.pzxid = n.Czxid, n.Czxid
		c := &d.changes[len(d.changes)-1]
		c.Token, c.Aux = n.Czxid, i > 0
	}
	for _, old := range append([]*draftNode{n}, others...) {
		d.remove(parent, old)
		d.changes[len(d.changes)-1].Aux = true
	}
	return OK
}

// ownChild returns the path of the znode that the request's session created in dir under the
// given id before this request, or "". Znodes of the request itself do not count, so that it
// can create several under one id. Of several it is the first by name, however far the tree has come.
func (d *Draft) ownChild(dir, id string) (path string) {
	if d.by == 0 || id == "" {
		return ""
	}
	if d.tree.NumEphemerals(d.by) == 0 && d.made(d.by) == nil && (d.below == nil || d.below.made(d.by) == nil) {
		return ""
	}
	for _, n := range d.owned(d.by, dir, id) {
		if n.Czxid != d.zxid {
			return n.path
		}
	}
	return ""
}

// made returns the ephemerals of a session that this batch has made and that still exist; nil if
// there are none.
func (d *Draft) made(id SessionID) *ordered[*draftNode] {
	if s := d.sessions[id]; s != nil && s.made.len() > 0 {
		return &s.made
	}
	return nil
}

// childrenMade walks those of made that stand in dir and begin with stem.
func childrenMade(made *ordered[*draftNode], dir, stem string, yield func(*draftNode) bool) {
	if made == nil {
		return
	}
	made.from(&draftNode{path: stem}, func(n *draftNode) bool {
		if !strings.HasPrefix(n.path, stem) {
			return false
		}
		parent, _ := Split(n.path)
		return parent != dir || yield(n)
	})
}

// fence raises a fence to a token, or tells that it stands higher.
func (d *Draft) fence(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	token := op.Czxid
	if op.Path == "" || token <= 0 {
		return ErrBadArguments
	}
	highest, touched := d.fences[op.Path]
	if !touched {
		highest = d.stoodAt(op.Path)
	}
	if token < highest {
		d.whyPath, d.whyToken = op.Path, highest
		return ErrStaleToken
	}
	kind := Answered
	if token > highest {
		kind = FenceRaised
		if d.journal {
			d.undoFences = append(d.undoFences, undoFence{op.Path, highest, touched})
		}
		d.fences[op.Path] = token
		d.size += keySize + len(op.Path)
	}
	c := d.add(kind)
	c.Path, c.Token = op.Path, token
	d.size += len(op.Path)
	return OK
}

// stoodAt returns what a fence stood at before this batch.
func (d *Draft) stoodAt(name string) int64 {
	if d.below != nil {
		if token, touched := d.below.fences[name]; touched {
			return token
		}
	}
	return d.tree.fences[name]
}
