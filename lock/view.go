package lock

import (
	"context"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A sighting is what must be read of a contender while the tree does not change. The rest, which
// takes longer, is made of it afterwards: nothing can be applied while somebody reads.
type sighting struct {
	stat     znode.Stat
	path     string
	data     []byte // the znode's own: it is replaced, never changed
	position int
	permits  int
	rests    int64             // until when, where its session has expired and its lock rests
	since    int64             // when it became the holder; 0: it is not, or nobody knows
	labels   map[string]string // the session's: they are never changed
	expected time.Duration     // to wait; 0: not known
}

// glance reads what any contender's znode and session say.
func glance(t *znode.Tree, n *znode.Node, position int) sighting {
	p := sighting{stat: n.Stat(), path: n.Path(), data: n.Data(), position: position}
	if s, ok := t.Session(n.Owner()); ok {
		p.labels = s.Labels
	}
	return p
}

func (l *Locker) sight(t *znode.Tree, n *znode.Node, position int) sighting {
	p := glance(t, n, position)
	if n.Kind() == znode.TTL {
		p.rests = p.stat.Mtime + n.TTL()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if position == 0 {
		p.since = l.held[p.path]
	}
	return p
}

func (p *sighting) contender() Contender {
	note := decodeNote(p.data)
	c := Contender{
		Token: Token(p.stat.Czxid), Session: lease.ID(p.stat.EphemeralOwner), State: Waiting, Position: p.position,
		Owner: note.Owner, Reason: note.Reason, Metadata: note.Metadata, Door: note.Door,
		Enqueued: fromMillis(p.stat.Ctime), Znode: p.path, Mode: modeOf(p.path), ExpectedWait: p.expected, Permits: p.permits, Value: note.Value, Priority: note.Priority,
	}
	if p.labels["door"] == "zookeeper" {
		// What its data says is the client's own; its session tells where it came from. Many
		// clients leave no data: then the address is all that people can go by.
		if c.Door = "zookeeper"; c.Owner == "" {
			c.Owner = p.labels["address"]
		}
	}
	if p.position == 0 {
		c.State, c.Since = Held, c.Enqueued
		if p.since != 0 {
			c.Since = fromMillis(p.since)
		}
		if p.rests != 0 {
			c.State, c.RestsUntil = Resting, fromMillis(p.rests)
		}
	}
	return c
}

// Leader tells of the contender that leads an election, as [Locker.Queue] would. The caller views the tree.
func (l *Locker) Leader(t *znode.Tree, n *znode.Node) Contender { return l.holder(t, n) }

// holder describes the contender that nobody stands ahead of.
func (l *Locker) holder(t *znode.Tree, n *znode.Node) Contender {
	p := l.sight(t, n, 0)
	return p.contender()
}

// sightAhead is sight for somebody who waits for so many turns of others to end.
func (l *Locker) sightAhead(t *znode.Tree, n *znode.Node, position, turns int) sighting {
	p := l.sight(t, n, position)
	if position > 0 && n.Parent() != nil {
		p.expected = l.expected(n.Parent().Path(), turns)
	}
	return p
}

func contenders(seen []sighting) []Contender {
	var list []Contender
	for i := range seen {
		list = append(list, seen[i].contender())
	}
	return list
}

// hold describes a contender to its own client.
func (l *Locker) hold(t *znode.Tree, n *znode.Node) Hold {
	dir, _ := znode.Split(n.Path())
	position, turns := 0, 0
	if parent, ok := t.Get(dir); ok {
		position, turns = inLine(parent, n)
	}
	p := l.sightAhead(t, n, position, turns)
	h := Hold{Name: lockName(dir), Contender: p.contender(), Ticket: ticket(Token(n.Czxid()), n.Path(), n.Owner())}
	if s, ok := t.Session(n.Owner()); ok {
		h.TTL, h.OneShot = s.TTL, s.OneShot
	}
	h.Count = max(1, len(entriesOf(n.Data())))
	return h
}

// Queue returns a lock's holder and waiters, up to limit of them; a free lock has none.
func (l *Locker) Queue(ctx context.Context, name string, limit int, fresh store.Read) (Queue, error) {
	dir, err := Path(name)
	if err != nil {
		return Queue{}, err
	}
	if err := l.store.Fresh(ctx, fresh); err != nil {
		return Queue{}, err
	}
	q := Queue{Name: name}
	var seen []sighting
	l.store.View(func(t *znode.Tree, revision int64) {
		q.Revision = revision
		seen, q.Total = l.look(t, dir, limit, nil)
	})
	q.Contenders = contenders(seen)
	return q, nil
}

// look appends up to limit places of a lock's queue to list, and returns how long the queue is.
func (l *Locker) look(t *znode.Tree, dir string, limit int, list []sighting) (seen []sighting, total int) {
	n, ok := t.Get(dir)
	if !ok {
		return list, 0
	}
	var turns turns
	ahead, free := 0, true // free: nobody exclusive is ahead
	for name := range n.Contenders() {
		if ahead >= limit {
			break
		}
		if c, ok := t.Get(znode.Join(dir, name)); ok {
			position := ahead
			if free && c.Shared() {
				position = 0
			}
			list = append(list, l.sightAhead(t, c, position, turns.before(c)))
			free = free && c.Shared()
			ahead++
		}
	}
	return list, n.NumContenders()
}

// placeIn returns a contender's position: 0 holds, n waits behind n others; false if it is not
// there.
func placeIn(dir *znode.Node, name string) (position int, ok bool) {
	if dir.Holds(name) {
		return 0, true
	}
	return dir.Position(name)
}

// inLine returns a contender's position, as placeIn does, and how many turns are to end before it holds.
func inLine(dir, n *znode.Node) (position, before int) {
	if !n.Waits() {
		return 0, 0
	}
	var k turns
	for c := range dir.Queue() {
		before = k.before(c)
		if c == n {
			break
		}
		position++
	}
	return position, before
}

// List returns up to limit locks that are held, whose names start with prefix and come after
// the name after.
func (l *Locker) List(ctx context.Context, prefix, after string, limit int, fresh store.Read) (Page, error) {
	if err := l.store.Fresh(ctx, fresh); err != nil {
		return Page{}, err
	}
	var page Page
	var seen []sighting // of the holders; a name whose lock is free by now has none
	var first []int     // where each lock's begin
	l.store.View(func(t *znode.Tree, revision int64) {
		page.Revision = revision
		for _, dir := range l.page(prefix, after, limit+1) {
			if len(page.Locks) == limit {
				page.Next = page.Locks[limit-1].Name
				break
			}
			q := Queue{Name: lockName(dir), Revision: revision}
			first = append(first, len(seen))
			seen, q.Total = l.look(t, dir, 1, seen)
			page.Locks = append(page.Locks, q)
		}
	})
	first = append(first, len(seen))
	for i := range page.Locks {
		page.Locks[i].Contenders = contenders(seen[first[i]:first[i+1]])
	}
	return page, nil
}

func (l *Locker) page(prefix, after string, limit int) (dirs []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names.Ascend(max("/"+prefix, "/"+after), func(dir string, _ struct{}) bool {
		if !strings.HasPrefix(dir, "/"+prefix) {
			return dir < "/"+prefix
		}
		if after == "" || dir > "/"+after {
			dirs = append(dirs, dir)
		}
		return len(dirs) < limit
	})
	return dirs
}

// Len returns the number of locks that are held.
func (l *Locker) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names.Len()
}
