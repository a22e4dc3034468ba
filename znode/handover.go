package znode

import (
	"slices"
	"strings"
)

// MaxMoved is how many contenders a hand-over moves at most. One in a longer queue is refused with
// [ErrTooLarge].
const MaxMoved = 1000

// moveFamilies are what stands between a contender's id and its number where the contender can be
// made anew in another place.
var moveFamilies = [...]string{"-lock-", "-latch-"}

// movable returns the id and the family of a contender that can be made anew in another place:
// "_c_<id>-lock-<n>" or "_c_<id>-latch-<n>", with a UUID.
func movable(name string) (id, family string, ok bool) {
	head, digits := cutDigits(name)
	if digits == "" {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(head, protectedPrefix)
	if !ok {
		return "", "", false
	}
	for _, family := range moveFamilies {
		if id, ok := strings.CutSuffix(rest, family); ok && isID(id) {
			return id, family, true
		}
	}
	return "", "", false
}

// handOver takes the head of a queue away from its contender and gives it to another one that
// waits: in one step the head's znode is deleted, and the other's made anew under the head's
// number, with its own session, id and data. The queue has a holder before and after.
//
// The new head has a new token, which is greater than those of all who wait. They will hold after
// it, and tokens must not go back: so all of them are made anew, too, each in its place, with a
// zxid of its own, in their order. This is the one request that takes several zxids.
//
// Whoever looks for the znode that it has made would take that for a loss. So a queue in which
// somebody stands who came in by ZooKeeper's protocol, or who has no session, stays as it is.
func (d *Draft) handOver(op *Op) Code {
	if code := d.checkSession(); code != OK {
		return code
	}
	if len(d.request.Ops) > 1 || !validPath(op.Path) || isSpecial(op.Path) || op.Czxid <= 0 || op.Heir <= 0 || op.Heir == op.Czxid {
		return ErrBadArguments
	}
	dir := d.find(op.Path)
	if dir == nil {
		return ErrNotHolder
	}
	queue := slices.Collect(d.contenders(dir))
	if len(queue) == 0 || queue[0].Czxid != op.Czxid || queue[0].Owner == 0 || queue[0].Owner != d.by {
		return ErrNotHolder
	}
	head, waiting := queue[0], queue[1:]
	at := slices.IndexFunc(waiting, func(n *draftNode) bool { return n.Czxid == op.Heir })
	switch {
	case at < 0:
		return ErrNoNode
	case !Permits(dir.ACL, d.request.Auth, PermDelete), !Permits(dir.ACL, d.request.Auth, PermCreate):
		return ErrNoAuth
	case len(waiting) > MaxMoved:
		return ErrTooLarge
	}
	for _, n := range waiting {
		if _, _, ok := movable(n.name()); !ok || d.foreign(n) {
			return ErrImmovable
		}
	}
	heir := waiting[at]
	paths, ok := d.atNumber(op.Path, heir, head)
	if !ok || waiting[0].seq == head.seq {
		return ErrBadArguments
	}
	moved := heir.Czxid
	content := d.take(dir, heir, moved)
	d.take(dir, head, moved)
	d.makeAt(dir, paths, content, moved)
	d.changes[len(d.changes)-len(paths)].Aux = false
	for i, n := range waiting {
		if i != at {
			d.zxid++
			d.remake(dir, n)
		}
	}
	return OK
}

// foreign reports whether a contender belongs to no session, or to one that came in by ZooKeeper's
// protocol.
func (d *Draft) foreign(n *draftNode) bool {
	s, ok := d.Session(n.Owner)
	return !ok || n.Owner == 0 || s.Foreign()
}

// atNumber returns the paths that a contender has under another one's number.
func (d *Draft) atNumber(dir string, n, other *draftNode) (paths []string, ok bool) {
	id, family, _ := movable(n.name())
	_, digits := cutDigits(other.name())
	stem := Join(dir, protectedPrefix+id+family)
	paths = []string{stem + digits}
	if len(d.others(d.find(dir), n)) > 0 {
		twins, _ := twinStems(stem, dir, id)
		for i, twin := range twins {
			paths = append(paths, numbered(twin, other.seq+int64(i)+1))
		}
	}
	return paths, other.seq >= 0 && !d.any(paths)
}

// take removes a contender, and what it has besides, as part of a hand-over, and returns what it
// holds.
func (d *Draft) take(dir, n *draftNode, moved int64) Content {
	content := n.Content
	for _, o := range append([]*draftNode{n}, d.others(dir, n)...) {
		d.remove(dir, o)
		d.mark(moved)
	}
	return content
}

// makeAt makes a contender at paths, with what it held: its version, too, which shows whether its
// request was repeated.
func (d *Draft) makeAt(dir *draftNode, paths []string, content Content, moved int64) {
	for _, path := range paths {
		made := content
		d.insert(dir, path, &made)
		d.mark(moved)
	}
}

// remake makes a contender anew where it stands.
func (d *Draft) remake(dir, n *draftNode) {
	moved := n.Czxid
	paths := []string{n.path}
	for _, o := range d.others(dir, n) {
		paths = append(paths, o.path)
	}
	d.makeAt(dir, paths, d.take(dir, n, moved), moved)
}

// mark makes the last entry a side effect of a hand-over.
func (d *Draft) mark(moved int64) {
	c := &d.changes[len(d.changes)-1]
	c.Aux, c.Moved = true, moved
	d.size += movedSize
}

// movedSize is what Moved adds to an entry.
const movedSize = 8
