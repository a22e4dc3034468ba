package election

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A State says what is known of a name's leader.
type State string

// The states.
const (
	Leads   State = "leader"  // somebody leads
	None    State = "none"    // nobody does, for sure
	Unknown State = "unknown" // this member cannot tell
)

// An Observation is what an observer is told.
type Observation struct {
	State    State
	Name     string
	Leader   lock.Contender // of Leads
	Asked    lock.Contender // of Leads: the foremost of those who wait with a higher priority; zero Token: none
	Revision int64          // of the tree that shows it
}

// same reports whether two observations say the same of the name.
func (o *Observation) same(p *Observation) bool {
	return o.State == p.State && o.Leader.Token == p.Leader.Token && o.Leader.Value == p.Leader.Value && o.Asked.Token == p.Asked.Token
}

// watched are those who observe one name.
type watched struct {
	count   int
	changed chan struct{} // closed when the name's queue changes, and replaced
}

func (w *watched) wake() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// An Observer follows one name. It is for one goroutine; Close may be called by any.
type Observer struct {
	e      *Elections
	dir    string
	ctx    context.Context // its life
	cancel context.CancelFunc
	last   *Observation
	closed bool // guarded by e.mu
}

// Observe begins to follow who leads a name. The error is [lock.ErrTooManySubscribers] where too
// many do. The caller must Close the observer.
func (e *Elections) Observe(name string) (*Observer, error) {
	dir, err := path(name)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.ctx.Err() != nil:
		return nil, lock.ErrSubscriptionEnded
	case e.observers >= e.cfg.Observers:
		return nil, lock.ErrTooManySubscribers
	}
	w := e.watched[dir]
	if w == nil {
		w = &watched{changed: make(chan struct{})}
		e.watched[dir] = w
	}
	w.count++
	e.observers++
	o := &Observer{e: e, dir: dir}
	o.ctx, o.cancel = context.WithCancel(e.ctx)
	e.proveLocked()
	return o, nil
}

// Close ends the observation. It may be called again.
func (o *Observer) Close() {
	e := o.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	o.cancel()
	w := e.watched[o.dir]
	if w.count--; w.count == 0 {
		delete(e.watched, o.dir)
	}
	e.observers--
}

// Next waits until there is something to tell that was not told last, and returns the latest of it:
// what came and went in between is left out. It ends with ctx, with Close or that of the service,
// then with [lock.ErrSubscriptionEnded].
func (o *Observer) Next(ctx context.Context) (Observation, error) {
	e := o.e
	begun := clock.Boot()
	for {
		e.mu.Lock()
		w := e.watched[o.dir]
		if o.closed || w == nil {
			e.mu.Unlock()
			return Observation{}, lock.ErrSubscriptionEnded
		}
		queue, proof := w.changed, e.proof.changed
		e.mu.Unlock()
		now, good := o.Look()
		left := good
		// The first time a moment is given for the first proof; nobody is told unknown for that.
		first := o.last == nil && now.State == Unknown
		if first {
			left = begun + e.cfg.StaleAfter - clock.Boot()
		}
		if (o.last == nil || !now.same(o.last)) && (!first || left <= 0) {
			o.last = &now
			return now, nil
		}
		var stale <-chan time.Time
		var timer *time.Timer
		if left > 0 {
			timer = time.NewTimer(left)
			stale = timer.C
		}
		select {
		case <-queue:
		case <-proof:
		case <-stale:
		case <-o.ctx.Done():
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		switch {
		case ctx.Err() != nil:
			return Observation{}, context.Cause(ctx)
		case o.ctx.Err() != nil:
			return Observation{}, lock.ErrSubscriptionEnded
		}
	}
}

// Look returns what is known now, and for how long it will be if nothing changes and nothing more
// is proven; 0 where it is not known.
func (o *Observer) Look() (now Observation, good time.Duration) {
	e := o.e
	e.mu.Lock()
	proof := e.proof // before the look: what the tree shows then is no older
	e.mu.Unlock()
	now = Observation{State: None, Name: lockName(o.dir)}
	e.store.View(func(t *znode.Tree, revision int64) {
		now.Revision = revision
		d, ok := t.Get(o.dir)
		if !ok {
			return
		}
		name, _, some := d.FirstContender()
		n, found := d.Child(name)
		if !some || !found || n.Owner() == 0 && n.Kind() == znode.TTL {
			return // or the name rests: its leader's session has expired
		}
		now.State, now.Leader = Leads, e.locks.Leader(t, n)
		e.mu.Lock()
		defer e.mu.Unlock()
		if a, asked := e.askLocked(t, o.dir); asked {
			now.Asked = a.Candidate
		}
	})
	asCandidate(&now.Leader)
	asCandidate(&now.Asked)
	if good = proof.good(clock.Boot(), e.cfg.StaleAfter); good <= 0 {
		return Observation{State: Unknown, Name: now.Name, Revision: now.Revision}, 0
	}
	return now, good
}

func lockName(dir string) string { return dir[1:] }
