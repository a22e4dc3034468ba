package znode

// insert creates a znode, whose content it completes, under its parent.
func (d *Draft) insert(parent *draftNode, path string, made *Content) *draftNode {
	n := d.slot(path)
	d.touch(parent)
	d.touch(n)
	made.Czxid, made.Mzxid = d.zxid, d.zxid
	made.Ctime, made.Mtime = d.now, d.now
	n.Content = *made
	n.creates, n.pzxid, n.children, n.contenders, n.sharers = 0, d.zxid, 0, 0, 0
	n.exists, n.fresh, n.ownDirty = true, true, true
	n.kidsDirty = n.counted
	n.gave = int32(len(d.changes))
	d.list(n)
	d.weigh(n, 1)

	d.countKey(parent)
	parent.creates++
	parent.children++
	parent.pzxid = d.zxid
	if n.contender {
		parent.contenders++
		if n.shared {
			parent.sharers++
		}
		d.queueUp(parent, n)
	}

	c := d.addNode(Created, n)
	c.Node, c.Owner, c.TTL = n.Kind, n.Owner, n.TTL
	d.size += keySize + len(path) + len(n.Data) + aclSize(n.ACL)
	d.limitSet(path)
	return n
}

// write gives a znode other data.
func (d *Draft) write(n *draftNode, data []byte) {
	d.touch(n)
	d.weigh(n, -1)
	n.Data = data
	d.weigh(n, 1)
	n.Version++
	n.Mzxid, n.Mtime = d.zxid, d.now
	n.ownDirty = true
	d.addNode(DataSet, n)
	d.size += keySize + len(n.path) + len(n.Data)
	d.limitSet(n.path)
}

// remove deletes a znode that has no children.
func (d *Draft) remove(parent, n *draftNode) {
	d.touch(parent)
	d.touch(n)
	d.tellACL(n)
	d.unlist(n)
	d.weigh(n, -1)
	n.exists, n.ownDirty, n.kidsDirty = false, true, true

	d.countKey(parent)
	parent.children--
	parent.pzxid = d.zxid
	if n.contender {
		parent.contenders--
		if n.shared {
			parent.sharers--
		}
		d.dropOut(parent, n)
	}

	c := d.addNode(Deleted, n)
	c.Node, c.Owner = n.Kind, n.Owner
	d.size += keySize + len(n.path)
	d.freed(parent.path)
}

// countKey notes that a znode's counters change.
func (d *Draft) countKey(n *draftNode) {
	if !n.kidsDirty {
		n.kidsDirty = true
		d.size += keySize + len(n.path)
	}
}

// addNode appends an entry about a znode.
func (d *Draft) addNode(kind ChangeKind, n *draftNode) *Change {
	c := d.add(kind)
	c.Path, c.Version, c.Aversion, c.Length = n.path, n.Version, n.Aversion, n.length()
	d.size += len(n.path)
	return c
}

// tellACL writes the ACL that is about to go into the change of this batch that gave it, if
// there is one: the keys will not show it, but events up to here are filtered by it. Should the
// request be refused later on, the entry says needlessly what the key says too.
func (d *Draft) tellACL(n *draftNode) {
	if n.gave >= 0 {
		d.changes[n.gave].ACL = n.ACL
		d.size += aclSize(n.ACL)
		n.gave = -1
	}
}
