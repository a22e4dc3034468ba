package lock

import (
	"context"
	"strings"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// contender describes one contender that stands behind position others.
func (l *Locker) contender(n *znode.Node, position int) Contender {
	note := decodeNote(n.Data())
	stat := n.Stat()
	c := Contender{
		Token: Token(stat.Czxid), Session: lease.ID(n.Owner()), State: Waiting, Position: position,
		Owner: note.Owner, Reason: note.Reason, Metadata: note.Metadata, Door: note.Door,
		Enqueued: fromMillis(stat.Ctime), Znode: n.Path(),
	}
	if position == 0 {
		c.State, c.Since = Held, c.Enqueued
		l.mu.Lock()
		if at, ok := l.held[n.Path()]; ok {
			c.Since = fromMillis(at)
		}
		l.mu.Unlock()
	}
	return c
}

// hold describes a contender to its own client.
func (l *Locker) hold(t *znode.Tree, n *znode.Node) Hold {
	dir, name := znode.Split(n.Path())
	position := 0
	if parent, ok := t.Get(dir); ok {
		position, _ = parent.Position(name)
	}
	h := Hold{Name: lockName(dir), Contender: l.contender(n, position), Ticket: ticket(Token(n.Czxid()), n.Path())}
	if s, ok := t.Session(n.Owner()); ok {
		h.TTL, h.OneShot = s.TTL, s.OneShot
	}
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
	l.store.View(func(t *znode.Tree, revision int64) {
		q.Revision = revision
		l.queue(t, dir, limit, &q)
	})
	return q, nil
}

func (l *Locker) queue(t *znode.Tree, dir string, limit int, q *Queue) {
	n, ok := t.Get(dir)
	if !ok {
		return
	}
	q.Total = n.NumContenders()
	for name := range n.Contenders() {
		if len(q.Contenders) >= limit {
			return
		}
		if c, ok := t.Get(znode.Join(dir, name)); ok {
			q.Contenders = append(q.Contenders, l.contender(c, len(q.Contenders)))
		}
	}
}

// List returns up to limit locks that are held, whose names start with prefix and come after
// the name after.
func (l *Locker) List(ctx context.Context, prefix, after string, limit int, fresh store.Read) (Page, error) {
	if err := l.store.Fresh(ctx, fresh); err != nil {
		return Page{}, err
	}
	var page Page
	l.store.View(func(t *znode.Tree, revision int64) {
		page.Revision = revision
		for _, dir := range l.page(prefix, after, limit+1) {
			if len(page.Locks) == limit {
				page.Next = page.Locks[limit-1].Name
				break
			}
			q := Queue{Name: lockName(dir), Revision: revision}
			l.queue(t, dir, 1, &q)
			page.Locks = append(page.Locks, q)
		}
	})
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
