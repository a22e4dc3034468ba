package zkapi

import (
	"strings"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// watching reports whether a request sets, ends or asks for watches.
func watching(q *jute.Request) bool {
	switch q.Op {
	case jute.OpExists, jute.OpGetData, jute.OpGetChildren, jute.OpGetChildren2:
		return q.Watch
	case jute.OpSetWatches, jute.OpSetWatches2, jute.OpAddWatch, jute.OpCheckWatches, jute.OpRemoveWatches:
		return true
	}
	return false
}

// The modes of addWatch.
const (
	addPersistent = 0
	addRecursive  = 1
)

// answerWatching answers a request about watches. The tree and its watches are locked.
func (c *conn) answerWatching(p *call, t *znode.Tree, w *znode.Watches) {
	q, r := &p.request, &p.reply
	switch q.Op {
	case jute.OpSetWatches, jute.OpSetWatches2:
		c.catchUp(q, t, w)
	case jute.OpAddWatch:
		switch q.Mode {
		case addPersistent:
			w.Add(strings.Clone(q.Path), c, znode.WatchPersistent)
		case addRecursive:
			w.Add(strings.Clone(q.Path), c, znode.WatchRecursive)
		default:
			r.Code = znode.ErrMarshalling
		}
	case jute.OpCheckWatches, jute.OpRemoveWatches:
		mode, ok := znode.ModeOf(q.Mode)
		switch {
		case !ok:
			r.Code = znode.ErrMarshalling
		case !w.Has(q.Path, c, mode):
			r.Code = znode.ErrNoWatcher
		case q.Op == jute.OpRemoveWatches:
			w.Remove(q.Path, c, mode)
		}
	default:
		c.readNode(&q.Operation, p.auth, t, r)
		path := strings.Clone(q.Path)
		switch {
		case q.Op == jute.OpExists && (r.Code == znode.OK || r.Code == znode.ErrNoNode),
			q.Op == jute.OpGetData && r.Code == znode.OK:
			w.Add(path, c, znode.WatchData)
		case r.Code == znode.OK:
			w.Add(path, c, znode.WatchChildren)
		}
	}
}

// catchUp sets a client's watches anew, and sends the events that it missed before the answer.
func (c *conn) catchUp(q *jute.Request, t *znode.Tree, w *znode.Watches) {
	missed, rearm := znode.CatchUp(t, q.Since, &q.Watches)
	for _, again := range rearm {
		w.Add(strings.Clone(again.Path), c, again.Mode)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range missed {
		c.out = jute.AppendEvent(c.out, e)
	}
}

func (c *conn) dropWatches(_ *znode.Tree, w *znode.Watches, _ int64) { w.Drop(c) }
