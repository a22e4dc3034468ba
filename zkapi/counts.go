package zkapi

import (
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
)

// counts are what a connection, or all of a door's, have done.
type counts struct {
	since      time.Time
	received   atomic.Int64
	sent       atomic.Int64
	lastOp     atomic.Int32
	lastXid    atomic.Int32
	lastZxid   atomic.Int64
	lastTook   atomic.Int64 // nanoseconds, as the following
	most       atomic.Int64
	least      atomic.Int64 // plus one; 0: none yet
	total      atomic.Int64
	authFailed atomic.Int64
}

func (n *counts) answered(q *jute.Request, r *jute.Reply, took time.Duration) {
	n.sent.Add(1)
	n.lastOp.Store(int32(q.Op))
	n.lastXid.Store(q.Xid)
	n.lastZxid.Store(r.Zxid)
	n.lastTook.Store(int64(took))
	n.total.Add(int64(took))
	if v := n.most.Load(); int64(took) > v {
		n.most.CompareAndSwap(v, int64(took))
	}
	if v := n.least.Load(); v == 0 || int64(took)+1 < v {
		n.least.CompareAndSwap(v, int64(took)+1)
	}
}

// latency returns the shortest, mean and longest time that an answer took, in milliseconds.
func (n *counts) latency() (least int64, average float64, most int64) {
	sent := n.sent.Load()
	if sent == 0 {
		return 0, 0, 0
	}
	const ms = int64(time.Millisecond)
	return max(n.least.Load()-1, 0) / ms, float64(n.total.Load()) / float64(sent) / float64(ms), n.most.Load() / ms
}

// reset begins to count anew.
func (n *counts) reset() {
	for _, v := range []*atomic.Int64{&n.received, &n.sent, &n.most, &n.least, &n.total} {
		v.Store(0)
	}
}
