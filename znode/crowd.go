package znode

import "iter"

// A crowd is who watches one path. Most paths have one watcher, so it begins as a slice.
type crowd struct {
	few  []Watched // while many is nil
	many map[Watcher]WatchMode
}

// fewestWatchers is how many a crowd holds before it becomes a map.
const fewestWatchers = 16

func (c *crowd) len() int { return len(c.few) + len(c.many) }

func (c *crowd) get(w Watcher) WatchMode {
	if c.many != nil {
		return c.many[w]
	}
	if i := c.index(w); i >= 0 {
		return c.few[i].Mode
	}
	return 0
}

func (c *crowd) index(w Watcher) int {
	for i := range c.few {
		if c.few[i].Watcher == w {
			return i
		}
	}
	return -1
}

// set replaces a watcher's modes, which were before.
func (c *crowd) set(w Watcher, before, after WatchMode) {
	if c.many == nil && before == 0 && len(c.few) == fewestWatchers {
		c.many = make(map[Watcher]WatchMode, 2*fewestWatchers)
		for _, x := range c.few {
			c.many[x.Watcher] = x.Mode
		}
		c.few = nil
	}
	switch {
	case c.many != nil && after == 0:
		delete(c.many, w)
	case c.many != nil:
		c.many[w] = after
	case before == 0:
		c.few = append(c.few, Watched{w, after})
	case after == 0:
		i, last := c.index(w), len(c.few)-1
		c.few[i] = c.few[last]
		c.few[last] = Watched{}
		c.few = c.few[:last]
	default:
		c.few[c.index(w)].Mode = after
	}
}

// all walks the watchers. The one at hand may be changed or removed on the way.
func (c *crowd) all() iter.Seq2[Watcher, WatchMode] {
	return func(yield func(Watcher, WatchMode) bool) {
		if c.many != nil {
			for w, m := range c.many {
				if !yield(w, m) {
					return
				}
			}
			return
		}
		// Downwards: a removal moves the last into the gap.
		for i := len(c.few) - 1; i >= 0; i-- {
			if !yield(c.few[i].Watcher, c.few[i].Mode) {
				return
			}
		}
	}
}
