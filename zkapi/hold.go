package zkapi

import (
	"strings"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A session's requests take effect in their order, and a client may send many before it reads an answer.
// Writes go to the writer at once, so that those of a session can share a batch; a read is answered from
// the tree when the writes before it are. So a write that a read before it would see waits until that
// one is answered.

// hold keeps a call's write back, and returns true, if a read that was asked for before has still to be
// answered and would see it. Nor can it overtake another that is kept back.
func (c *conn) hold(p *call, r *znode.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == 0 && !c.seen(r, p) {
		return false
	}
	p.held = r
	c.held++
	signal(c.wake) // the reads may have been answered meanwhile
	return true
}

// seen reports whether a read that stands before a call would see its write. c.mu is held.
func (c *conn) seen(r *znode.Request, before *call) bool {
	for i, left := 0, c.reads; left > 0 && i < len(c.calls) && c.calls[i] != before; i++ {
		if q := c.calls[i]; q.reads() {
			if sees(&q.request, r) {
				return true
			}
			left--
		}
	}
	return false
}

// sees reports whether a read may have another answer, or another watch, behind a write than before it.
func sees(q *jute.Request, r *znode.Request) bool {
	recursive := false // the watch may be
	switch q.Op {
	case jute.OpExists, jute.OpGetData, jute.OpGetACL, jute.OpGetChildren, jute.OpGetChildren2:
	case jute.OpCheckWatches, jute.OpRemoveWatches:
		recursive = true
	default:
		return true // they look at more than one znode
	}
	if strings.HasPrefix(q.Path, "/zookeeper") {
		return true // what it tells of quotas changes with other znodes
	}
	for i := range r.Ops {
		o := &r.Ops[i]
		dir, _ := znode.Split(o.Path)
		switch {
		case o.Kind == znode.OpClose, q.Path == "", o.Path == q.Path, dir == q.Path:
			return true
		case o.Sequential && strings.HasPrefix(q.Path, o.Path): // the znode that it makes, perhaps
			return true
		case recursive && strings.HasPrefix(o.Path, q.Path):
			return true
		}
	}
	return false
}

// sendHeld sends the writes that were kept back, up to one that a read before it would see. It is the
// writer's.
func (c *conn) sendHeld() error {
	var due []*call
	for {
		due = due[:0]
		c.mu.Lock()
		for i := 0; c.held > len(due) && i < len(c.calls); i++ {
			p := c.calls[i]
			if p.held == nil {
				continue
			}
			if c.seen(p.held, p) {
				break
			}
			due = append(due, p)
		}
		c.mu.Unlock()
		if len(due) == 0 {
			return nil
		}
		for _, p := range due {
			r := p.held
			p.held = nil // nobody else looks at it: the reader has only set it
			if err := c.submit(p, r); err != nil {
				return err
			}
		}
		c.mu.Lock()
		c.held -= len(due) // now, so that none that comes meanwhile overtakes them
		c.mu.Unlock()
	}
}
