package lock

import (
	"bytes"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An actor is who holds and waits: a session and the owner that a contender names. Several
// contenders of one actor are taken for one program's, which cannot go on before it has got all
// that it waits for. A contender without an owner is its session itself.
type actor struct {
	session lease.ID
	owner   string
}

func actorOf(n *znode.Node) actor { return actor{n.Owner(), ownerOf(n.Data())} }

// is reports whether n is a contender of a. It makes no garbage where n is one of ours.
func (a *actor) is(n *znode.Node) bool {
	if n.Owner() != a.session {
		return false
	}
	if plain, ok := plainOwner(n.Data()); ok {
		return string(plain) == a.owner
	}
	return decodeNote(n.Data()).Owner == a.owner
}

// ownerOf is the owner that [decodeNote] finds, mostly without a parser: it is asked for while
// the tree is locked.
func ownerOf(data []byte) string {
	if plain, ok := plainOwner(data); ok {
		return string(plain)
	}
	return decodeNote(data).Owner
}

const (
	ownerHead   = `{"owner":"`
	entriesTail = `"]}` // of a note that has entries
)

// plainOwner returns the owner in what [note.encode] writes, where it needed no escaping.
func plainOwner(data []byte) (owner []byte, ok bool) {
	if len(data) == 0 {
		return nil, true
	}
	if inner, ok := bytes.CutPrefix(data, []byte(doorHead)); ok {
		door, ok := bytes.CutSuffix(inner, []byte(doorTail))
		return nil, ok && isWord(door)
	}
	rest, ok := bytes.CutPrefix(data, []byte(ownerHead))
	if !ok || !bytes.HasSuffix(rest, []byte(doorTail)) && !bytes.HasSuffix(rest, []byte(entriesTail)) {
		return nil, false
	}
	i := bytes.IndexByte(rest, '"')
	if i <= 0 || bytes.IndexByte(rest[:i], '\\') >= 0 || !bytes.HasPrefix(rest[i+1:], []byte(`,"`)) {
		return nil, false
	}
	return rest[:i], true
}

// A footing is what a session blocks and where it may wait, kept up to date with the tree, so that
// most waits can be told at a glance to close no cycle.
type footing struct {
	blocks int                      // its contenders that somebody stands behind
	one    *znode.Node              // the only contender of its that has joined behind somebody
	more   map[*znode.Node]struct{} // all of them, once there were several
}

// queued reports how many of its contenders may wait. Some may hold by now.
func (f *footing) queued() int {
	if f.one != nil {
		return 1
	}
	return len(f.more)
}

// each calls yield with the contenders that may wait, until it returns false.
func (f *footing) each(yield func(*znode.Node) bool) {
	if f.one != nil {
		yield(f.one)
		return
	}
	for n := range f.more {
		if !yield(n) {
			return
		}
	}
}

func (f *footing) add(n *znode.Node) {
	switch {
	case f.one == n:
	case f.more != nil:
		f.more[n] = struct{}{}
	case f.one == nil:
		f.one = n
	default:
		f.more = map[*znode.Node]struct{}{f.one: {}, n: {}}
		f.one = nil
	}
}

func (f *footing) remove(n *znode.Node) {
	if f.one == n {
		f.one = nil
		return
	}
	delete(f.more, n)
}

// footings are those of the sessions that have one. Guarded by the Locker's mutex.
type footings map[lease.ID]footing

// change changes the footing of a session. What is nobody's has none.
func (fs footings) change(id lease.ID, do func(f *footing)) {
	if id == 0 {
		return
	}
	f := fs[id]
	do(&f)
	if f.blocks == 0 && f.queued() == 0 {
		delete(fs, id)
		return
	}
	fs[id] = f
}

// joined notes a new contender of dir.
func (fs footings) joined(dir, n *znode.Node) {
	ahead, behind := dir.Ahead(n), dir.Behind(n)
	if behind != nil {
		// Its number was made up by its client: it has gone ahead of others.
		fs.change(n.Owner(), func(f *footing) { f.blocks++ })
		if ahead == nil {
			fs.change(behind.Owner(), func(f *footing) { f.add(behind) })
		}
	}
	if ahead == nil {
		return
	}
	fs.change(n.Owner(), func(f *footing) { f.add(n) })
	if behind == nil {
		fs.change(ahead.Owner(), func(f *footing) { f.blocks++ })
	}
}

// rested notes that a contender is nobody's any more: its session has ended, and the lock rests. It
// reports whether somebody stands behind.
func (fs footings) rested(dir, n *znode.Node, session lease.ID) (behind bool) {
	behind = dir.Behind(n) != nil
	fs.change(session, func(f *footing) {
		f.remove(n)
		if behind {
			f.blocks--
		}
	})
	return behind
}

// left notes that a contender of dir is gone.
func (fs footings) left(dir, n *znode.Node) {
	if fs.rested(dir, n, n.Owner()) {
		return
	}
	if ahead := dir.Ahead(n); ahead != nil {
		fs.change(ahead.Owner(), func(f *footing) { f.blocks-- })
	}
}

// parted forgets the contenders of a directory, which is no lock's any more.
func (fs footings) parted(dir *znode.Node) {
	var before *znode.Node
	for n := range dir.Queue() {
		if before != nil {
			fs.change(before.Owner(), func(f *footing) { f.blocks-- })
		}
		fs.change(n.Owner(), func(f *footing) { f.remove(n) })
		before = n
	}
}

// rebuilt takes the contenders of a directory that was not looked on at before.
func (fs footings) rebuilt(dir *znode.Node) {
	if dir.NumContenders() < 2 {
		return
	}
	var before *znode.Node
	for n := range dir.Queue() {
		if before != nil {
			fs.change(before.Owner(), func(f *footing) { f.blocks++ })
			fs.change(n.Owner(), func(f *footing) { f.add(n) })
		}
		before = n
	}
}
