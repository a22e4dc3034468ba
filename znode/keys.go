package znode

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// What a batch takes in bytes beyond paths, data and ACLs, roughly.
const (
	entrySize   = 48 // of an entry of the change list
	keySize     = 72 // of a key put or deleted
	sessionSize = 160
)

func aclSize(list []ACL) int {
	size := 0
	for _, a := range list {
		size += 8 + len(a.Scheme) + len(a.ID)
	}
	return size
}

// Size estimates how many bytes the batch's transaction has so far. It rather says too much.
func (d *Draft) Size() int { return d.size }

// Nodes walks what the batch leaves in the znodes' own keys, in the order of their paths; a nil
// content means that the key is to be deleted. The contents are valid until the next request.
func (d *Draft) Nodes() iter.Seq2[string, *Content] {
	return func(yield func(string, *Content) bool) {
		for _, n := range d.inOrder() {
			var content *Content
			switch {
			case !n.ownDirty, !n.exists && !n.stood:
				continue
			case n.exists:
				content = &n.Content
			}
			if !yield(n.path, content) {
				return
			}
		}
	}
}

// Counters walks what the batch leaves in the child-counter keys, in the order of their paths;
// nil means that the key is to be deleted. Only znodes that have had a child have one.
func (d *Draft) Counters() iter.Seq2[string, *Counters] {
	return func(yield func(string, *Counters) bool) {
		for _, n := range d.inOrder() {
			var counters *Counters
			switch {
			case !n.kidsDirty:
				continue
			case n.exists && n.creates > 0:
				counters = &Counters{n.creates, n.pzxid}
			case !n.counted:
				continue
			}
			if !yield(n.path, counters) {
				return
			}
		}
	}
}

// Sessions walks what the batch leaves in the sessions' keys, in the order of their ids; nil
// means that the key is to be deleted.
func (d *Draft) Sessions() iter.Seq2[SessionID, *Session] {
	dirty := make([]*draftSession, 0, len(d.sessions))
	for _, s := range d.sessions {
		if s.dirty && (s.record != nil || s.stood) {
			dirty = append(dirty, s)
		}
	}
	slices.SortFunc(dirty, func(a, b *draftSession) int { return cmp.Compare(a.id, b.id) })
	return func(yield func(SessionID, *Session) bool) {
		for _, s := range dirty {
			if !yield(s.id, s.record) {
				return
			}
		}
	}
}

// Fences walks the tokens that the batch raises fences to, in the order of their names.
func (d *Draft) Fences() iter.Seq2[string, int64] {
	names := make([]string, 0, len(d.fences))
	for name := range d.fences {
		names = append(names, name)
	}
	slices.Sort(names)
	return func(yield func(string, int64) bool) {
		for _, name := range names {
			if !yield(name, d.fences[name]) {
				return
			}
		}
	}
}

// inOrder returns all znodes the batch has looked at, in the order of their paths.
func (d *Draft) inOrder() []*draftNode {
	if !d.sorted {
		slices.SortFunc(d.seen, func(a, b *draftNode) int { return strings.Compare(a.path, b.path) })
		d.sorted = true
	}
	return d.seen
}
