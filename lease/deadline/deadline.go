// Package deadline knows when sessions were last heard from, and which are overdue. It does no
// I/O and reads no clock: times are given to it.
package deadline

import (
	"container/heap"
	"iter"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/znode"
)

// maxGrace bounds what is added to every deadline.
const maxGrace = time.Second

// Grace returns what the writer adds to a session's TTL before it ends it: a sixth, at most a
// second. It is the margin for the network and for pauses between a ZooKeeper client that
// gives up exactly at its timeout and the writer that lets go.
func Grace(ttl time.Duration) time.Duration { return min(ttl/6, maxGrace) }

// A Set knows when each session was last heard from, and so which are overdue. It is the
// [github.com/lockkeeper/lockkeeper/store.Keeper] of a writer. A touch costs one map access:
// the heap holds for each session a deadline that may be too early, and is put right when it
// is due. It is not safe for concurrent use.
type Set struct {
	out      rules.Out
	sessions map[znode.SessionID]*deadline
	queue    deadlineHeap
	// Late, if not nil, is told how long after its deadline each session was found.
	Late func(time.Duration)
}

type deadline struct {
	id      znode.SessionID
	last    time.Duration // when it was last heard from
	ttl     time.Duration // as last told
	at      time.Duration // its place in the heap: not after the real deadline
	index   int           // in the heap; -1: closing
	closing bool
}

// New returns a Set that knows no session.
func New(out rules.Out) *Set {
	return &Set{out: out, sessions: map[znode.SessionID]*deadline{}}
}

func (d *Set) grace(ttl time.Duration) time.Duration {
	if d.out.NoGrace {
		return 0
	}
	return Grace(ttl)
}

// Takeover forgets everything and takes each of sessions as touched now.
func (d *Set) Takeover(now time.Duration, sessions iter.Seq[*znode.Session]) {
	old := d.sessions
	d.sessions = make(map[znode.SessionID]*deadline, len(old))
	d.queue = d.queue[:0]
	for s := range sessions {
		e := &deadline{id: s.ID, last: now, ttl: s.TTL}
		if o := old[s.ID]; o != nil && d.out.KeepTouches {
			e.last = o.last
		}
		if o := old[s.ID]; o != nil && d.out.KeepClosing && o.closing {
			e.last = o.last
		}
		d.sessions[s.ID] = e
		d.push(e, e.last)
	}
}

func (d *Set) push(e *deadline, last time.Duration) {
	e.at = last + e.ttl + d.grace(e.ttl)
	heap.Push(&d.queue, e)
}

// Touch records that id was heard from. It reports false, and records nothing, when the session
// is not known or is closing.
func (d *Set) Touch(id znode.SessionID, now time.Duration) bool {
	e := d.sessions[id]
	if e == nil || e.closing && !d.out.TouchWhileClosing {
		return false
	}
	e.last = max(e.last, now)
	return true
}

// Opened takes a session that the tree has applied; it counts as touched now.
func (d *Set) Opened(s *znode.Session, now time.Duration) {
	if e := d.sessions[s.ID]; e != nil {
		return
	}
	e := &deadline{id: s.ID, last: now, ttl: s.TTL}
	d.sessions[s.ID] = e
	d.push(e, now)
}

// Moved takes a session's new TTL.
func (d *Set) Moved(s *znode.Session, now time.Duration) {
	e := d.sessions[s.ID]
	if e == nil || e.ttl == s.TTL || d.out.OldTTL {
		return
	}
	e.ttl = s.TTL
	if !e.closing {
		heap.Remove(&d.queue, e.index)
		d.push(e, e.last)
	}
}

// Closed forgets a session whose close the tree has applied.
func (d *Set) Closed(id znode.SessionID) {
	e := d.sessions[id]
	if e == nil {
		return
	}
	delete(d.sessions, id)
	if e.index >= 0 {
		heap.Remove(&d.queue, e.index)
	}
}

// Due marks up to limit overdue sessions as closing and returns them. The deadline is judged
// with the TTL that the tree holds: ttl tells it.
func (d *Set) Due(now time.Duration, limit int, ttl func(znode.SessionID) (time.Duration, bool)) []znode.SessionID {
	var due []znode.SessionID
	for len(d.queue) > 0 && d.queue[0].at <= now && len(due) < limit {
		e := heap.Pop(&d.queue).(*deadline)
		t, ok := ttl(e.id)
		if !ok {
			delete(d.sessions, e.id)
			continue
		}
		if !d.out.OldTTL {
			e.ttl = t
		}
		end := e.last + e.ttl + d.grace(e.ttl)
		if end > now {
			e.at = end
			heap.Push(&d.queue, e)
			continue
		}
		e.closing = true
		due = append(due, e.id)
		if d.Late != nil {
			d.Late(now - end)
		}
	}
	return due
}

// Overdue reports whether Due may have something to return.
func (d *Set) Overdue(now time.Duration) bool {
	return len(d.queue) > 0 && d.queue[0].at <= now
}

// Reopen takes back closing marks.
func (d *Set) Reopen(ids []znode.SessionID) {
	for _, id := range ids {
		if e := d.sessions[id]; e != nil && e.closing {
			e.closing = false
			d.push(e, e.last)
		}
	}
}

// Shift moves every last touch on by gap, at most to now: for so long nobody could be heard.
func (d *Set) Shift(gap, now time.Duration) {
	for _, e := range d.sessions {
		e.last = max(e.last, min(e.last+gap, now))
	}
}

// Len returns the number of sessions known.
func (d *Set) Len() int { return len(d.sessions) }

// A deadlineHeap has the earliest deadline first.
type deadlineHeap []*deadline

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for package heap.
func (h *deadlineHeap) Push(x any) {
	e := x.(*deadline)
	e.index = len(*h)
	*h = append(*h, e)
}

// Pop is for package heap.
func (h *deadlineHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}
