package znode

import "slices"

// open opens a session, on whose behalf the rest of the request then happens.
func (d *Draft) open(op *Op) Code {
	record := op.Session
	if record.ID <= 0 || d.by != 0 && d.by != record.ID {
		return ErrBadArguments
	}
	d.by = record.ID
	s := d.session(record.ID)
	if s.record != nil {
		return ErrSessionExists
	}
	if d.Full {
		return ErrFull
	}
	record.Opened, record.Czxid = d.now, d.zxid
	d.setRecord(s, &record)
	d.add(SessionOpened).Record = record
	d.checked = true
	return OK
}

// move hands a session over to another connection and may change its TTL.
func (d *Draft) move(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	s := d.session(op.Session.ID)
	if s.record == nil {
		return ErrSessionExpired
	}
	if op.Session.Owner.Generation <= s.record.Owner.Generation {
		// A late move of an earlier connection: the session must not fall back to it, nor to
		// the TTL that was agreed on there.
		return ErrSessionMoved
	}
	record := *s.record
	record.Owner = op.Session.Owner
	if op.Session.TTL != 0 {
		record.TTL = op.Session.TTL
	}
	d.setRecord(s, &record)
	d.add(SessionMoved).Record = record
	d.checked = false // the connection that the request came over may have lost the session
	return OK
}

// close ends a session. It must be a request's only operation, because it cannot be undone.
func (d *Draft) close(op *Op) Code {
	if len(d.request.Ops) > 1 {
		return ErrBadArguments
	}
	if code := d.checkSession(); code != OK {
		return code
	}
	id := op.Session.ID
	if id == 0 {
		id = d.by
	}
	if id == 0 {
		return ErrBadArguments
	}
	s := d.session(id)
	if s.record == nil {
		return ErrSessionExpired
	}
	d.by = id
	d.sweep(s)
	return OK
}

// sweep deletes a session's ephemerals, then the session.
func (d *Draft) sweep(s *draftSession) {
	var earlier []string
	if h := d.tree.holders[s.id]; h != nil {
		h.owned.all(func(n *Node) bool {
			earlier = append(earlier, n.path)
			return true
		})
	}
	if d.below != nil {
		if made := d.below.made(s.id); made != nil {
			made.all(func(n *draftNode) bool {
				earlier = append(earlier, n.path)
				return true
			})
			slices.Sort(earlier) // in one order whether or not the tree shows the batch below
			earlier = slices.Compact(earlier)
		}
	}
	for _, path := range earlier {
		d.sweepEarlier(s.id, path)
	}
	if !d.Out.CloseBlind {
		for _, n := range s.take() {
			d.sweepNode(n)
		}
	}
	d.setRecord(s, nil)
	d.add(SessionClosed)
}

// sweepEarlier deletes an ephemeral from before this batch, if it is still there. One that has
// been deleted and made again since is another one, and may be another session's.
func (d *Draft) sweepEarlier(id SessionID, path string) {
	if n := d.find(path); n != nil && !n.fresh && n.Owner == id {
		d.sweepNode(n)
	}
}

func (d *Draft) sweepNode(n *draftNode) {
	dir, _ := Split(n.path)
	parent := d.find(dir)
	if d.rests(parent, n) {
		d.rest(n)
	} else {
		d.remove(parent, n)
	}
	d.changes[len(d.changes)-1].Aux = true
}

// rests reports whether a znode of a session that ends stays for a while: its session has expired,
// and it holds, or is there for a contender that has done so.
func (d *Draft) rests(parent, n *draftNode) bool {
	if !d.expired || n.TTL == 0 || n.Kind != Ephemeral {
		return false
	}
	if n.contender {
		return d.holds(parent, n)
	}
	for _, o := range d.others(parent, n) {
		if o.contender && d.holds(parent, o) {
			return true
		}
	}
	return false
}

// rest makes a znode, whose session is about to end, stay for its time. Whoever waits behind it
// goes on waiting, whatever client that is.
func (d *Draft) rest(n *draftNode) {
	d.touch(n)
	d.unlist(n)
	n.Kind, n.Owner = TTL, 0
	n.Version++
	n.Mzxid, n.Mtime = d.zxid, d.now
	n.ownDirty = true
	d.addNode(Rested, n)
	d.size += keySize + len(n.path) + len(n.Data)
}

// take returns the ephemerals that the batch made, in a slice of its own: removing them
// changes the set.
func (s *draftSession) take() []*draftNode {
	made := make([]*draftNode, 0, s.made.len())
	s.made.all(func(n *draftNode) bool {
		made = append(made, n)
		return true
	})
	return made
}

// setRecord changes a session's record; nil ends it.
func (d *Draft) setRecord(s *draftSession, record *Session) {
	d.touchSession(s)
	s.record, s.dirty = record, true
	d.size += sessionSize
	if record != nil {
		for k, v := range record.Labels {
			d.size += 2 * (len(k) + len(v)) // in the key and in the change
		}
	}
}
