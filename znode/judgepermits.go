package znode

import (
	"slices"
	"strings"
)

// acquirePermits takes permits for the request's session at once, if that many are free and nobody
// stands in the queue, and a place in the queue otherwise. What is missing of the semaphore is made.
// A repeated request is answered with the first permit, or the place, that it has got.
func (d *Draft) acquirePermits(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	p := &op.Permits
	switch {
	case d.by == 0:
		return ErrSessionExpired
	case !d.namesPermits(op), p.Count < 1, p.Limit < 0:
		return ErrBadArguments
	case int64(p.Count)*int64(2*len(op.Path)+400) > mostGrantBytes:
		return ErrTooLarge
	}
	at := semaphoreAt(op.Path)
	for _, dir := range []string{at.leases, at.locks} {
		if earlier := d.ownChild(dir, op.Protected); earlier != "" {
			d.repeat(d.find(earlier))
			return OK
		}
	}
	acl, ok := expandACL(op.ACL, d.request.Auth)
	if !ok {
		return ErrInvalidACL
	}
	limit, code := d.agreeOnLimit(op, &at)
	if code != OK {
		return code
	}
	inUse := d.inUse(&at)
	locks := d.find(at.locks)
	free := (locks == nil || locks.contenders == 0) && inUse+int64(p.Count) <= int64(limit)
	if !free && p.Try {
		d.whyPath, d.whyToken = op.Path, inUse
		return ErrNoPermits
	}
	made := Content{Data: op.Data, ACL: acl, Kind: Ephemeral, Owner: d.by}
	if free {
		leases, code := d.makeParents(at.leases)
		if code != OK {
			return code
		}
		if !d.allows(at.leases+"/", int(p.Count), len(op.Data)) {
			return ErrQuotaExceeded
		}
		d.lease(leases, op.Protected, p.Count, &made)
		return OK
	}
	if locks, code = d.makeParents(at.locks); code != OK {
		return code
	}
	path := numbered(waiterStem(at.locks, op.Protected, p.Count), locks.creates)
	switch {
	case d.find(path) != nil:
		return ErrNodeExists
	case !d.allows(path, 1, len(op.Data)):
		return ErrQuotaExceeded
	}
	d.insert(locks, path, &made)
	return OK
}

// namesPermits reports whether an operation names a semaphore, and an id to find its permits by.
func (d *Draft) namesPermits(op *Op) bool {
	return validPath(op.Path) && !isSpecial(op.Path) && len(op.Protected) == idLength &&
		strings.IndexByte(op.Protected, '/') < 0 && validPath(Join(op.Path, op.Protected))
}

// agreeOnLimit returns the limit that stands, which is set if there is none.
func (d *Draft) agreeOnLimit(op *Op, at *semaphorePaths) (limit int32, code Code) {
	p := &op.Permits
	n := d.find(at.limit)
	if n == nil {
		switch {
		case p.Limit == 0:
			return 0, ErrNoLimit
		case p.Count > p.Limit:
			d.whyPath, d.whyToken = op.Path, int64(p.Limit)
			return 0, ErrTooManyPermits
		}
		return p.Limit, d.makeLimit(op.Path, at, p.Limit)
	}
	if !Permits(n.ACL, d.request.Auth, PermRead) {
		return 0, ErrNoAuth
	}
	limit = ParseLimit(n.Data)
	switch {
	case p.Limit != 0 && p.Limit != limit:
		code = ErrLimitDiffers
	case p.Count > limit:
		code = ErrTooManyPermits
	default:
		return limit, OK
	}
	d.whyPath, d.whyToken = op.Path, int64(limit)
	return 0, code
}

// makeLimit makes the znode with a semaphore's limit, which stays when the semaphore is idle.
func (d *Draft) makeLimit(path string, at *semaphorePaths, limit int32) Code {
	parent, code := d.makeParents(path)
	switch {
	case code != OK:
		return code
	case !d.allows(at.limit, 1, 4):
		return ErrQuotaExceeded
	}
	d.insert(parent, at.limit, &Content{Data: formatLimit(limit), ACL: OpenACL})
	d.changes[len(d.changes)-1].Aux = true
	return OK
}

// inUse returns how many leases stand.
func (d *Draft) inUse(at *semaphorePaths) int64 {
	if leases := d.find(at.leases); leases != nil {
		return int64(leases.children)
	}
	return 0
}

// lease creates permits in use, all at one zxid. The first has the data.
func (d *Draft) lease(leases *draftNode, id string, count int32, first *Content) {
	stem := leaseStem(leases.path, id)
	seq := leases.creates
	for i := range count {
		made := *first
		if i > 0 {
			made.Data, made.Version = []byte{}, 0
		}
		path := numbered(stem, seq)
		for d.find(path) != nil { // made by somebody under just this name
			seq++
			path = numbered(stem, seq)
		}
		seq++
		d.insert(leases, path, &made)
		if i > 0 {
			d.changes[len(d.changes)-1].Aux = true
		}
	}
}

// releasePermits gives up all permits that a session has got under one id, or its place in the
// queue. The version is that of the first permit, or of the place.
func (d *Draft) releasePermits(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	owner := op.Session.ID
	if owner == 0 {
		owner = d.by
	}
	if owner == 0 || !d.namesPermits(op) {
		return ErrBadArguments
	}
	at := semaphoreAt(op.Path)
	for _, dir := range []string{at.leases, at.locks} {
		list := d.owned(owner, dir, op.Protected)
		if len(list) == 0 {
			continue
		}
		parent := d.find(dir)
		switch {
		case !Permits(parent.ACL, d.request.Auth, PermDelete):
			return ErrNoAuth
		case op.Czxid != 0 && op.Czxid != list[0].Czxid:
			return ErrNoNode
		case op.Version != -1 && op.Version != list[0].Version:
			return ErrBadVersion
		}
		for i, n := range list {
			d.remove(parent, n)
			c := &d.changes[len(d.changes)-1]
			c.Aux, c.Note = i > 0, op.Note
			d.size += len(op.Note)
		}
		return OK
	}
	return ErrNoNode
}

// setPermits sets a semaphore's limit.
func (d *Draft) setPermits(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if !validPath(op.Path) || isSpecial(op.Path) || op.Permits.Limit < 1 {
		return ErrBadArguments
	}
	at := semaphoreAt(op.Path)
	data := formatLimit(op.Permits.Limit)
	n := d.find(at.limit)
	if n == nil {
		code := d.makeLimit(op.Path, &at, op.Permits.Limit)
		if code == OK {
			d.changes[len(d.changes)-1].Aux = false
		}
		return code
	}
	switch {
	case !Permits(n.ACL, d.request.Auth, PermWrite):
		return ErrNoAuth
	case slices.Equal(n.Data, data):
		d.add(Answered)
		return OK
	case !d.allows(n.path, 0, len(data)-len(n.Data)):
		return ErrQuotaExceeded
	}
	d.write(n, data)
	return OK
}

// fellows returns the other permits of the hold that n is a permit of: they are given up together,
// whoever deletes one of them, so that nobody ever holds a part of what was asked for.
func (d *Draft) fellows(parent, n *draftNode) []*draftNode {
	if n.Owner == 0 || parent.children == 1 || !strings.HasSuffix(parent.path, "/"+leasesName) {
		return nil
	}
	id, ok := Lease(n.name())
	if !ok {
		return nil
	}
	list := d.owned(n.Owner, parent.path, id)
	return slices.DeleteFunc(list, func(o *draftNode) bool { return o == n || o.Czxid != n.Czxid })
}

// owned returns the ephemerals of a session that stand in dir under an id, in the order of their
// paths.
func (d *Draft) owned(owner SessionID, dir, id string) []*draftNode {
	stem := Join(dir, protectedPrefix+id+"-")
	var paths []string
	d.tree.ownChildren(owner, stem, func(n *Node) bool {
		paths = append(paths, n.path)
		return true
	})
	for layer := d; layer != nil; layer = layer.below {
		childrenMade(layer.made(owner), dir, stem, func(n *draftNode) bool {
			paths = append(paths, n.path)
			return true
		})
	}
	slices.Sort(paths)
	var list []*draftNode
	for _, path := range slices.Compact(paths) {
		if n := d.find(path); n != nil && n.Owner == owner {
			list = append(list, n)
		}
	}
	return list
}
