package election

import (
	"bytes"
	"cmp"
	"encoding/json"

	"github.com/tidwall/btree"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An Ask tells a leader that a candidate of higher priority waits.
type Ask struct {
	Name      string
	Token     lock.Token // of the leader's term
	Session   lease.ID   // the leader's
	Candidate lock.Contender
}

// A Follower is told when leaders are asked, when this member's tree shows it. It is called inside
// the store's apply loop, with the tree and this package's mutex locked: it must be quick, and must
// call neither the store nor Elections. Each leader is told once of each candidate that is the
// foremost of those who ask.
type Follower interface {
	Asked(a Ask)
}

// Follow makes f be told from now on, for the life of e.
func (e *Elections) Follow(f Follower) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.followers = append(e.followers, f)
}

// A race is those of a name's candidates who have a priority: the others ask nobody.
type race struct {
	byPath map[string]entry
	order  *btree.BTreeG[entry] // the highest priority first, and then who came first
	told   pair                 // the last ask that was told
}

type entry struct {
	priority int64
	seq      int64
	path     string
}

func foremost(a, b entry) bool {
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.path, b.path)) < 0
}

type pair struct{ leader, candidate int64 }

// Changed looks on while the store applies changes. It is part of the store's Observer.
func (e *Elections) Changed(_ *znode.Tree, _ int64, c *znode.Change, eff *znode.Effect) {
	if c.Kind != znode.Created && c.Kind != znode.Deleted && c.Kind != znode.DataSet || eff.Node == nil {
		return
	}
	dir, name := znode.Split(c.Path)
	seq, ok := znode.Contender(name)
	if !ok {
		return
	}
	priority := int64(0)
	if c.Kind != znode.Deleted {
		priority = priorityOf(eff.Node.Data())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.races[dir]
	if r == nil && priority == 0 && e.watched[dir] == nil {
		return // as with all that is but a lock
	}
	e.dirty[dir] = struct{}{}
	e.enterLocked(dir, entry{priority, seq, c.Path})
}

// enterLocked notes a candidate's priority; 0 is none.
func (e *Elections) enterLocked(dir string, n entry) {
	r := e.races[dir]
	if r != nil {
		if old, ok := r.byPath[n.path]; ok {
			delete(r.byPath, n.path)
			r.order.Delete(old)
		}
	}
	if n.priority == 0 {
		if r != nil && len(r.byPath) == 0 {
			delete(e.races, dir)
		}
		return
	}
	if r == nil {
		r = &race{byPath: map[string]entry{}, order: btree.NewBTreeGOptions(foremost, btree.Options{NoLocks: true})}
		e.races[dir] = r
	}
	r.byPath[n.path] = n
	r.order.Set(n)
}

// Applied tells that a revision is complete: leaders are asked, and observers look.
func (e *Elections) Applied(t *znode.Tree, _ int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for dir := range e.dirty {
		delete(e.dirty, dir)
		if a, ok := e.askLocked(t, dir); ok {
			r := e.races[dir]
			if now := (pair{int64(a.Token), int64(a.Candidate.Token)}); r.told != now {
				r.told = now
				for _, f := range e.followers {
					f.Asked(a)
				}
			}
		}
		if w := e.watched[dir]; w != nil {
			w.wake()
		}
	}
}

// Rebuilt takes a tree that was built anew.
func (e *Elections) Rebuilt(t *znode.Tree, _ int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.races)
	clear(e.dirty)
	for n := range t.All() {
		dir, name := znode.Split(n.Path())
		if seq, ok := znode.Contender(name); ok {
			e.enterLocked(dir, entry{priorityOf(n.Data()), seq, n.Path()})
		}
	}
	for _, w := range e.watched {
		w.wake()
	}
}

// askLocked returns what the leader at dir is asked, if it is.
func (e *Elections) askLocked(t *znode.Tree, dir string) (a Ask, ok bool) {
	r := e.races[dir]
	d, there := t.Get(dir)
	if r == nil || !there {
		return Ask{}, false
	}
	name, _, some := d.FirstContender()
	leader, found := d.Child(name)
	if !some || !found {
		return Ask{}, false
	}
	best, any := entry{}, false
	r.order.Scan(func(n entry) bool {
		best, any = n, n.path != leader.Path()
		return !any
	})
	if !any || best.priority <= r.byPath[leader.Path()].priority {
		return Ask{}, false
	}
	n, standing := t.Get(best.path)
	if !standing {
		return Ask{}, false
	}
	a = Ask{
		Name: dir[1:], Token: lock.Token(leader.Czxid()), Session: leader.Owner(), Candidate: lock.Describe(t, n),
	}
	a.Candidate.State = lock.Waiting
	return a, true
}

// AsksOf returns what a session is asked in all its terms, up to limit, as this member's tree has
// it: for a client that has not heard.
func (e *Elections) AsksOf(session lease.ID, limit int) (asks []Ask) {
	e.store.View(func(t *znode.Tree, _ int64) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for p := range t.Ephemerals(session) {
			dir, _ := znode.Split(p)
			if len(asks) >= limit || e.races[dir] == nil {
				continue
			}
			if a, ok := e.askLocked(t, dir); ok && a.Session == session {
				if n, there := t.Get(p); there && n.Czxid() == int64(a.Token) {
					asks = append(asks, a)
				}
			}
		}
	})
	return asks
}

var priorityKey = []byte(`"priority":`)

// priorityOf reads a candidate's priority. Most znodes have none, which is told at a glance.
func priorityOf(data []byte) int64 {
	if len(data) == 0 || data[0] != '{' || !bytes.Contains(data, priorityKey) {
		return 0
	}
	var n struct {
		Priority int64 `json:"priority"`
	}
	if json.Unmarshal(data, &n) != nil || n.Priority < 0 || n.Priority > MaxPriority {
		return 0
	}
	return n.Priority
}
