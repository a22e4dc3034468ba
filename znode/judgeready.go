package znode

// mustNotStand, as the Version of an OpReady, refuses the request where the znode stands.
const mustNotStand = -1

// ready keeps the znode that opens a double barrier: it creates it once its parent has as many
// children as the operation says, or with 0 deletes it where nobody else is left there. Where there
// is nothing to do it passes, and the path in its result says that the znode stands. With -1 it
// passes only where the znode does not stand.
func (d *Draft) ready(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if !validPath(op.Path) || isSpecial(op.Path) || op.Version < mustNotStand {
		return ErrBadArguments
	}
	dir, _ := Split(op.Path)
	parent, n := d.find(dir), d.find(op.Path)
	switch {
	case op.Version == mustNotStand && n != nil:
		return ErrNodeExists
	case op.Version == 0 && n != nil && parent.children == 1 && n.children == 0:
		if !Permits(parent.ACL, d.request.Auth, PermDelete) {
			return ErrNoAuth
		}
		d.remove(parent, n)
		return OK
	case op.Version > 0 && n == nil && parent != nil && parent.children >= op.Version:
		return d.create(&Op{Kind: OpCreate, Path: op.Path, Data: op.Data, ACL: op.ACL})
	}
	c := d.add(Answered)
	if n != nil {
		c.Path = n.path
		d.size += len(n.path)
	}
	return OK
}
