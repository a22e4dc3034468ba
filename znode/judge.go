package znode

// mostParents is how many missing ancestors one create makes. Without a limit a long path would
// make a number of znodes that grows with its length, each with a path as long.
const mostParents = 64

func (d *Draft) judge(op *Op) Code {
	switch op.Kind {
	case OpCreate:
		return d.create(op)
	case OpDelete:
		return d.delete(op)
	case OpSetData:
		return d.setData(op)
	case OpSetACL:
		return d.setACL(op)
	case OpCheck:
		return d.check(op)
	case OpReap:
		return d.reap(op)
	case OpVacant:
		return d.vacant(op)
	case OpOpen:
		return d.open(op)
	case OpMove:
		return d.move(op)
	case OpClose:
		return d.close(op)
	case OpFence:
		return d.fence(op)
	case OpHeld:
		return d.held(op)
	case OpDowngrade:
		return d.downgrade(op)
	case OpReady:
		return d.ready(op)
	case OpHandOver:
		return d.handOver(op)
	case OpAcquirePermits:
		return d.acquirePermits(op)
	case OpReleasePermits:
		return d.releasePermits(op)
	case OpSetPermits:
		return d.setPermits(op)
	}
	return ErrUnimplemented
}

func (d *Draft) create(op *Op) Code {
	switch {
	case op.Node > TTL,
		op.Node == TTL && (op.TTL < 1 || op.TTL > MaxTTL),
		op.Node != TTL && op.TTL != 0 && op.TTL != -1,
		op.Rest != 0 && (op.Node != Ephemeral || op.Rest < 1 || op.Rest > MaxTTL):
		return ErrBadArguments
	}
	if code := d.checkSession(); code != OK {
		return code
	}
	made := Content{Data: op.Data, Kind: op.Node}
	switch op.Node {
	case Ephemeral:
		if d.by == 0 {
			return ErrSessionExpired
		}
		made.Owner, made.TTL = d.by, op.Rest
	case TTL:
		made.TTL = op.TTL
	}
	if !plausible(op.Path) {
		return ErrBadArguments
	}
	dir, _ := Split(op.Path)
	var twins []string
	if op.Twin {
		var ok bool
		if twins, ok = twinStems(op.Path, dir, op.Protected); !ok || !op.Sequential {
			return ErrBadArguments
		}
	}
	if earlier := d.ownChild(dir, op.Protected); earlier != "" {
		n := d.find(earlier)
		if op.Twin {
			if len(d.others(d.find(dir), n)) == 0 {
				return ErrNodeExists
			}
		}
		d.repeat(n)
		return OK
	}
	acl, ok := expandACL(op.ACL, d.request.Auth)
	if !ok {
		return ErrInvalidACL
	}
	made.ACL = acl
	parent := d.find(dir)
	if parent == nil && op.Parents {
		var code Code
		if parent, code = d.makeParents(dir); code != OK {
			return code
		}
	}
	if parent == nil {
		return ErrNoNode
	}
	if !Permits(parent.ACL, d.request.Auth, PermCreate) {
		return ErrNoAuth
	}
	path := op.Path
	if op.Sequential {
		path = numbered(path, parent.creates)
	}
	for i := range twins {
		twins[i] = numbered(twins[i], parent.creates+1+int64(i))
	}
	switch all := 1 + len(twins); {
	case !validPath(path):
		return ErrBadArguments
	case d.find(path) != nil, d.any(twins):
		return ErrNodeExists
	case parent.Kind == Ephemeral:
		return ErrNoChildrenForEphemerals
	case !d.allows(path, all, all*len(op.Data)):
		return ErrQuotaExceeded
	case d.Full:
		return ErrFull
	}
	n := d.insert(parent, path, &made)
	d.createTwins(parent, n, twins)
	return OK
}

// repeat answers a repeated create with the znode that the first one made. It raises the
// znode's version: whoever means to clean up after the first create, because its caller has
// gone, can tell that another caller has come for it, and let it stand.
func (d *Draft) repeat(n *draftNode) {
	d.touch(n)
	n.Version++
	n.Mzxid, n.Mtime = d.zxid, d.now
	n.ownDirty = true
	d.addNode(DataSet, n).Repeated = true
	d.size += keySize + len(n.path) + len(n.Data)
}

// makeParents creates the missing znodes of a path as containers open to all, from the nearest
// one that exists, and returns the last.
func (d *Draft) makeParents(path string) (*draftNode, Code) {
	if !validPath(path) {
		return nil, ErrBadArguments
	}
	var missing []string
	var n *draftNode
	for dir := path; ; dir, _ = Split(dir) {
		if n = d.find(dir); n != nil {
			break
		}
		if missing = append(missing, dir); len(missing) > mostParents {
			return nil, ErrBadArguments
		}
	}
	switch {
	case !Permits(n.ACL, d.request.Auth, PermCreate):
		return nil, ErrNoAuth
	case n.Kind == Ephemeral:
		return nil, ErrNoChildrenForEphemerals
	case d.Full:
		return nil, ErrFull
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if !d.allows(missing[i], 1, 0) {
			return nil, ErrQuotaExceeded
		}
		n = d.insert(n, missing[i], &Content{Data: []byte{}, ACL: OpenACL, Kind: Container})
		d.changes[len(d.changes)-1].Aux = true
	}
	return n, OK
}

func (d *Draft) delete(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if !plausible(op.Path) || isSpecial(op.Path) {
		return ErrBadArguments
	}
	dir, _ := Split(op.Path)
	parent := d.find(dir)
	if parent == nil {
		return ErrNoNode
	}
	if !Permits(parent.ACL, d.request.Auth, PermDelete) {
		return ErrNoAuth
	}
	n := d.find(op.Path)
	switch {
	case n == nil && d.swept(op.Path):
		d.add(Answered) // an earlier step has deleted it with its other half
		return OK
	case n == nil, op.Czxid != 0 && op.Czxid != n.Czxid:
		return ErrNoNode
	case op.Own && (n.Owner == 0 || n.Owner != d.by):
		return ErrNotOwner
	case op.Version != -1 && op.Version != n.Version:
		return ErrBadVersion
	case n.children > 0:
		return ErrNotEmpty
	}
	others := append(d.others(parent, n), d.fellows(parent, n)...)
	d.remove(parent, n)
	d.changes[len(d.changes)-1].Note = op.Note
	d.size += len(op.Note)
	d.removeOthers(parent, others, op.Note)
	return OK
}

func (d *Draft) setData(op *Op) Code {
	n, code := d.aim(op, PermWrite)
	switch {
	case code != OK:
		return code
	case !d.allows(n.path, 0, len(op.Data)-len(n.Data)):
		return ErrQuotaExceeded
	case d.Full && len(op.Data) > len(n.Data):
		return ErrFull
	case op.Czxid != 0 && op.Czxid != n.Czxid:
		return ErrNoNode
	case op.Own && (n.Owner == 0 || n.Owner != d.by):
		return ErrNotOwner
	case op.Version != -1 && op.Version != n.Version:
		return ErrBadVersion
	}
	d.write(n, op.Data)
	return OK
}

func (d *Draft) setACL(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if !validPath(op.Path) {
		return ErrBadArguments
	}
	acl, ok := expandACL(op.ACL, d.request.Auth)
	if !ok {
		return ErrInvalidACL
	}
	n, code := d.aim(op, PermAdmin)
	switch {
	case code != OK:
		return code
	case op.Version != -1 && op.Version != n.Aversion:
		return ErrBadVersion
	}
	d.touch(n)
	d.tellACL(n)
	n.ACL = acl
	n.Aversion++
	n.ownDirty = true
	n.gave = int32(len(d.changes))
	d.addNode(ACLSet, n)
	d.size += keySize + len(n.path) + len(n.Data) + aclSize(acl)
	return OK
}

func (d *Draft) check(op *Op) Code {
	n, code := d.aim(op, PermRead)
	switch {
	case code != OK:
		return code
	case op.Version != -1 && op.Version != n.Version:
		return ErrBadVersion
	}
	d.add(Answered)
	return OK
}

// aim makes the checks that sets and checks begin with, and returns the znode.
func (d *Draft) aim(op *Op, p Perm) (*draftNode, Code) {
	if code := d.checkSession(); code != OK {
		return nil, code
	}
	if !validPath(op.Path) {
		return nil, ErrBadArguments
	}
	n := d.find(op.Path)
	if n == nil {
		return nil, ErrNoNode
	}
	if !Permits(n.ACL, d.request.Auth, p) {
		return nil, ErrNoAuth
	}
	return n, OK
}

// reap asks for no permission: it is the writer's own. A znode that is not, or no longer, what
// the reaper took it for is a bad version.
func (d *Draft) reap(op *Op) Code {
	n := d.find(op.Path)
	switch {
	case n == nil:
		return ErrNoNode
	case n.children > 0:
		return ErrNotEmpty
	case n.Kind == Container && n.creates > 0, n.Kind == TTL && lapsed(n.Mtime, n.TTL, d.now):
		dir, _ := Split(n.path)
		parent := d.find(dir)
		others := d.others(parent, n)
		d.remove(parent, n)
		d.removeOthers(parent, others, "")
		return OK
	}
	return ErrBadVersion
}
