package znode

import "iter"

// An EventType says what happened to a znode, in ZooKeeper's numbers.
type EventType int32

// The types of events.
const (
	NodeCreated         EventType = 1
	NodeDeleted         EventType = 2
	NodeDataChanged     EventType = 3
	NodeChildrenChanged EventType = 4
)

// An Event is one message to a watcher.
type Event struct {
	Type EventType
	Path string // of the znode that changed, whichever watch it was
	Zxid int64  // of the change; of a catch-up -1
}

// A Watcher is whoever receives events: one connection. It must be comparable; a pointer is.
type Watcher interface {
	// Notify is called with each event, in order, while the tree is being changed. It must
	// neither block nor call the [Watches].
	Notify(Event)
	// MayRead reports whether the watcher may see events of a znode with this ACL.
	MayRead(acl []ACL) bool
}

// A WatchMode is a set of ways to watch one path.
type WatchMode uint8

// The ways to watch. The one-shot ones are gone after their first event.
const (
	WatchData       WatchMode = 1 << iota // one-shot: created, data changed, deleted
	WatchChildren                         // one-shot: children changed, deleted
	WatchPersistent                       // both of the above, for good
	WatchRecursive                        // created, data changed, deleted, here and below, for good
	WatchAny        = WatchData | WatchChildren | WatchPersistent | WatchRecursive
)

// The two tables of ZooKeeper, as the modes that stand in them.
const (
	dataTable  = WatchData | WatchPersistent | WatchRecursive
	childTable = WatchChildren | WatchPersistent
)

// ModeOf returns the modes that a ZooKeeper WatcherType (1 to 5: children, data, any,
// persistent, recursive) means; ok is false for other numbers.
func ModeOf(watcherType int32) (m WatchMode, ok bool) {
	switch watcherType {
	case 1:
		return WatchChildren, true
	case 2:
		return WatchData, true
	case 3:
		return WatchAny, true
	case 4:
		return WatchPersistent, true
	case 5:
		return WatchRecursive, true
	}
	return 0, false
}

// Watches are the watches of one member's connections. Like the tree they belong to, they are
// not safe for concurrent use. They hold paths, not znodes: a watch can wait for a znode that
// does not exist.
type Watches struct {
	byPath    map[string]*crowd
	byWatcher map[Watcher]map[string]struct{}
	recursive int // paths' watchers with WatchRecursive: while 0, no ancestor is looked at
	watches   int // modes set, over all paths and watchers

	told map[Watcher]struct{} // scratch of Fire
}

// NewWatches returns an empty set.
func NewWatches() *Watches {
	return &Watches{
		byPath:    make(map[string]*crowd),
		byWatcher: make(map[Watcher]map[string]struct{}),
		told:      make(map[Watcher]struct{}),
	}
}

// Add lets w watch path in these modes, besides those in which it does so already.
func (ws *Watches) Add(path string, w Watcher, m WatchMode) {
	if m == 0 {
		return
	}
	c := ws.byPath[path]
	if c == nil {
		c = new(crowd)
		ws.byPath[path] = c
	}
	before := c.get(w)
	ws.set(path, c, w, before, before|m)
}

// Has reports whether w watches path in one of these modes.
func (ws *Watches) Has(path string, w Watcher, m WatchMode) bool {
	c := ws.byPath[path]
	return c != nil && c.get(w)&m != 0
}

// Remove ends w's watching path in these modes and reports whether there was one.
func (ws *Watches) Remove(path string, w Watcher, m WatchMode) bool {
	c := ws.byPath[path]
	if c == nil {
		return false
	}
	before := c.get(w)
	if before&m == 0 {
		return false
	}
	ws.set(path, c, w, before, before&^m)
	return true
}

// Drop ends all that w watches, as the end of a connection does.
func (ws *Watches) Drop(w Watcher) {
	for path := range ws.byWatcher[w] {
		ws.Remove(path, w, WatchAny)
	}
}

// set changes the modes of one watcher on one path and keeps all indexes.
func (ws *Watches) set(path string, c *crowd, w Watcher, before, after WatchMode) {
	if before == after {
		return
	}
	c.set(w, before, after)
	if c.len() == 0 {
		delete(ws.byPath, path)
	}
	paths := ws.byWatcher[w]
	switch {
	case after == 0:
		delete(paths, path)
		if len(paths) == 0 {
			delete(ws.byWatcher, w)
		}
	case before == 0:
		if paths == nil {
			paths = make(map[string]struct{})
			ws.byWatcher[w] = paths
		}
		paths[path] = struct{}{}
	}
	ws.watches += after.count() - before.count()
	ws.recursive += (after & WatchRecursive).count() - (before & WatchRecursive).count()
}

func (m WatchMode) count() int {
	n := 0
	for ; m != 0; m &= m - 1 {
		n++
	}
	return n
}

// NumWatchers returns how many watchers watch anything.
func (ws *Watches) NumWatchers() int { return len(ws.byWatcher) }

// NumPaths returns how many paths are watched.
func (ws *Watches) NumPaths() int { return len(ws.byPath) }

// Len returns how many watches there are: a watcher's modes on one path count one each.
func (ws *Watches) Len() int { return ws.watches }

// All walks every path and watcher with its modes, path by path, in no particular order.
func (ws *Watches) All() iter.Seq2[string, Watched] {
	return func(yield func(string, Watched) bool) {
		for path, c := range ws.byPath {
			for w, m := range c.all() {
				if !yield(path, Watched{w, m}) {
					return
				}
			}
		}
	}
}

// A Watched says who watches a path, and how.
type Watched struct {
	Watcher Watcher
	Mode    WatchMode
}
