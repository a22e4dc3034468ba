package znode

// vacant passes if no contender stands under the path. It also passes if a contender is the
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
		if n.contenders > 0 && d.ownChild(op.Path, op.Protected) == "" {
			d.whyPath = n.path
			return ErrHeld
		}
	}
	d.add(Answered)
	return OK
}

// ownChild returns the path of the znode that the request's session created in dir under the
// given id before this request, or "". Znodes of the request itself do not count, so that it
// can create several under one id.
func (d *Draft) ownChild(dir, id string) (path string) {
	if d.by == 0 || id == "" {
		return ""
	}
	made := d.sessions[d.by]
	if d.tree.NumEphemerals(d.by) == 0 && (made == nil || made.made.len() == 0) {
		return ""
	}
	stem := Join(dir, protectedPrefix+id+"-")
	d.tree.ownChildren(d.by, stem, func(n *Node) bool {
		if now, touched := d.nodes[n.path]; !touched || now.exists && !now.fresh {
			path = n.path
		}
		return path == ""
	})
	if path != "" || made == nil {
		return path
	}
	made.made.from(&draftNode{path: stem}, func(n *draftNode) bool {
		if len(n.path) < len(stem) || n.path[:len(stem)] != stem {
			return false
		}
		if parent, _ := Split(n.path); parent == dir && n.Czxid != d.zxid {
			path = n.path
		}
		return path == ""
	})
	return path
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
		highest = d.tree.fences[op.Path]
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
