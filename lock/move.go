package lock

import (
	"context"
	"strings"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A hand-over moves a contender in its queue: its znode is made anew at the head, with the same
// session and id. Whoever knows it by its old znode finds it by those.

// idOf returns the id in a contender's name, empty where it has none.
func idOf(path string) string {
	_, name := znode.Split(path)
	rest, ok := strings.CutPrefix(name, "_c_")
	if !ok || len(rest) <= idLength || rest[idLength] != '-' {
		return ""
	}
	return rest[:idLength]
}

const idLength = 36 // of a UUID

// follow reports whether an attempt's contender stands in the tree, and takes note of where it is
// now, if it was moved.
func (a *attempt) follow(t *znode.Tree) (*znode.Node, bool) {
	if n, ok := t.Get(a.path); ok && n.Czxid() == a.czxid(n) {
		return n, n.Owner() != 0 // without a session its lock rests
	}
	id := idOf(a.path)
	if a.session == 0 || id == "" || a.permits {
		return nil, false
	}
	path, ok := t.OwnChild(a.session, a.dir, "_c_"+id+"-")
	if !ok {
		return nil, false
	}
	n, ok := t.Get(path)
	if !ok || n.Czxid() <= a.stat.Czxid {
		return nil, false
	}
	version := a.stat.Version // as the attempt has seen it: the move keeps it
	a.path, a.stat = path, n.Stat()
	a.stat.Version = version
	return n, true
}

// moved looks in this member's tree whether an attempt's contender stands elsewhere by now.
func (l *Locker) moved(a *attempt) (yes bool) {
	was := a.stat.Czxid
	l.store.View(func(t *znode.Tree, _ int64) {
		_, ok := a.follow(t)
		yes = ok && a.stat.Czxid != was
	})
	return yes
}

// quit removes an attempt's contender, wherever it stands when that is done.
func (l *Locker) quit(ctx context.Context, a *attempt) error {
	for {
		out, err := l.store.Do(ctx, l.leaving(a))
		if err != nil || out.Code != znode.ErrNoNode || !l.moved(a) {
			return err
		}
	}
}

// Successor returns the token that a contender has by now, of whose hand-overs this member knows: its
// own where it was not moved.
func (l *Locker) Successor(name string, token Token) Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		g := l.ends.byHold[held{token, "/" + name}]
		if g == nil || g.moved <= token {
			return token
		}
		token = g.moved
	}
}

// HandedOver reports whether this member remembers that a session's hold of a name, with the token
// head or, where that is 0, any, was handed over to the contender that had the token heir, and the
// token that it got by that.
func (l *Locker) HandedOver(name string, session lease.ID, head, heir Token) (token Token, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.ends.byHold[held{heir, "/" + name}]
	if g == nil || g.moved == 0 || g.by != session || head != 0 && g.head != head {
		return 0, false
	}
	return g.moved, true
}

// Ended tells what became of a token: nil when it was released, a [*HoldLostError] when it was taken
// away, ErrNotHeld when this member remembers nothing.
func (l *Locker) Ended(name string, token Token) error {
	return l.lost(name, held{token, "/" + name})
}

// CloseBehind closes a session that was made for one hold, which has ended otherwise than by its
// release. It does not block; the request is repeated until its outcome is known.
func (l *Locker) CloseBehind(session lease.ID) {
	l.behind.Do(func(ctx context.Context) error {
		_, err := l.store.Do(ctx, &znode.Request{Session: session, Ops: []znode.Op{{Kind: znode.OpClose}}})
		return err
	})
}

// leftByHandOver notes the deletion of a contender in a hand-over: of the one that moves, or of
// the head that makes room. It reports false where the change is no part of one. l.mu is held.
func (l *Locker) leftByHandOver(revision int64, c *znode.Change, n *znode.Node) bool {
	dir, _ := znode.Split(n.Path())
	heir := held{Token(c.Moved), dir}
	switch {
	case c.Moved == 0:
		return false
	case c.Moved == n.Czxid():
		l.ends.add(n, n.Owner(), EventLeft, "", "")
		l.ends.byHold[heir].moved = Token(c.Zxid)
	default:
		l.releasedByHandOver(revision, c, n)
		if g := l.ends.byHold[heir]; g != nil {
			g.head, g.by = Token(n.Czxid()), n.Owner()
		}
	}
	l.wake(n.Path())
	return true
}

// releasedByHandOver notes that the head has made room. Who holds next is in the change to come.
func (l *Locker) releasedByHandOver(revision int64, c *znode.Change, n *znode.Node) {
	l.ends.add(n, n.Owner(), EventReleased, "", "")
	l.tookDown(c, n)
	l.events.add(revision, EventReleased, n, n.Owner(), c.Time, "", "")
}

// Describe tells of a contender what its znode and session say. Its State, Position and Since are
// not set.
func Describe(t *znode.Tree, n *znode.Node) Contender {
	p := glance(t, n, -1)
	c := p.contender()
	c.State, c.Position = "", 0
	return c
}
