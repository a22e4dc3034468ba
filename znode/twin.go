package znode

import "strings"

// A lock that has to exclude unmodified clients of every kind stands in its directory under several
// names, with numbers that follow each other. The first is its contender; the others are there for
// those who do not look at it: kazoo, and for a reader or a writer the clients of plain mutexes. The
// "k" keeps Curator from ever sorting kazoo's names among numbers. All are made and deleted
// together, whoever deletes one of them, so that nobody ever waits for a part of a lock.
var groups = [...][]part{
	{{before: protectedPrefix, after: "-lock-"}, {kazoo, "__lock__"}},
	{{before: protectedPrefix, after: "-__WRIT__"}, {kazoo, "__lock__"}, {protectedPrefix, "-wr-lock-"}},
	{{before: protectedPrefix, after: "-__READ__"}, {kazoo, "__rlock__"}, {protectedPrefix, "-rd-lock-"}},
}

// The places of readers and writers among groups.
const writers, readers = 1, 2

// A part is what stands before and after the id in one of a lock's names. kazoo's ids have no hyphens.
type part struct{ before, after string }

const (
	kazoo       = "k"
	idLength    = 36 // of a UUID
	shortLength = 32 // of a UUID without its hyphens
)

// stem returns the name, up to its number, of the lock with the given id.
func (p part) stem(id string) string {
	if p.before == kazoo {
		id = id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]
	}
	return p.before + id + p.after
}

// id returns the id in a name without its number; false if the name has not this form.
func (p part) id(head string) (string, bool) {
	rest, ok := strings.CutPrefix(head, p.before)
	if !ok {
		return "", false
	}
	id, ok := strings.CutSuffix(rest, p.after)
	if ok && p.before == kazoo {
		if len(id) != shortLength {
			return "", false
		}
		id = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	}
	return id, ok && isID(id)
}

// isID reports whether an id is a UUID in small letters.
func isID(id string) bool {
	if len(id) != idLength {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// isTwin reports whether a name without its number is one that a lock has besides its first. Names
// of Curator's clients are not: they look like a first one.
func isTwin(head string) bool {
	for _, g := range groups {
		for _, p := range g[1:] {
			if _, ok := p.id(head); ok {
				return true
			}
		}
	}
	return false
}

// twinStems returns the paths, up to their numbers, of what a contender whose own is stem has
// besides.
func twinStems(stem, dir, id string) ([]string, bool) {
	if !isID(id) {
		return nil, false
	}
	for _, g := range groups {
		if stem != Join(dir, g[0].stem(id)) {
			continue
		}
		var stems []string
		for _, p := range g[1:] {
			stems = append(stems, Join(dir, p.stem(id)))
		}
		return stems, true
	}
	return nil, false
}

// others returns what stands in parent besides n for the same lock: made in one request, by one
// session.
func (d *Draft) others(parent, n *draftNode) (list []*draftNode) {
	if parent.children == parent.contenders {
		return nil // twins are no contenders, so there are none; most locks end here
	}
	head, digits := cutDigits(n.name())
	if digits == "" {
		return nil
	}
	seq := parseSequence(digits, false)
	for _, g := range groups {
		for i, p := range g {
			id, ok := p.id(head)
			if !ok {
				continue
			}
			for j, q := range g {
				if first := seq - int64(i); j != i && first >= 0 {
					o := d.find(Join(parent.path, numbered(q.stem(id), first+int64(j))))
					if o != nil && o.Czxid == n.Czxid && (o.Owner == n.Owner || o.rested() || n.rested()) && (o.Owner != 0 || o.rested()) {
						list = append(list, o)
					}
				}
			}
		}
	}
	return list
}

// rested reports whether a znode may be what is left of a lock whose session has expired.
func (n *draftNode) rested() bool { return n.Kind == TTL }

// removeOthers deletes what stood for the same lock as a znode that the step at hand has deleted.
func (d *Draft) removeOthers(parent *draftNode, others []*draftNode, note string) {
	for _, o := range others {
		d.remove(parent, o)
		o.sweptAt = d.zxid
		c := &d.changes[len(d.changes)-1]
		c.Aux, c.Note = true, note
		d.size += len(note)
	}
}

// any reports whether one of the paths is taken.
func (d *Draft) any(paths []string) bool {
	for _, path := range paths {
		if d.find(path) != nil {
			return true
		}
	}
	return false
}

// swept reports whether the request at hand has deleted a znode along with another of its lock.
func (d *Draft) swept(path string) bool {
	n := d.nodes[path]
	return n != nil && n.sweptAt == d.zxid
}

// createTwins creates, at paths, what n, which the step at hand has just created, has besides.
func (d *Draft) createTwins(parent, n *draftNode, paths []string) {
	for _, path := range paths {
		twin := n.Content
		d.insert(parent, path, &twin)
		d.changes[len(d.changes)-1].Aux = true
	}
}
