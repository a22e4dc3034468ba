package sdk

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A LeaderState says what is known of a leader.
type LeaderState string

// The states.
const (
	LeaderKnown   LeaderState = "leader"  // somebody leads
	LeaderNone    LeaderState = "none"    // nobody does
	LeaderUnknown LeaderState = "unknown" // nobody can tell: this client is cut off, or its member is
)

// A Leadership is what an [Observation] tells.
type Leadership struct {
	State    LeaderState
	Leader   Contender // of LeaderKnown
	Asked    Contender // of LeaderKnown: who of higher priority asks for the lead; zero Token: nobody
	Revision int64     // of the service's tree
}

func (l *Leadership) same(m *Leadership) bool {
	return l.State == m.State && l.Leader.Token == m.Leader.Token && l.Leader.Value == m.Leader.Value && l.Asked.Token == m.Asked.Token
}

// An Observation follows who leads. Next is for one goroutine at a time, Close for any.
type Observation struct {
	feed
	name string
	news chan struct{} // has an element when there may be something to tell
	last *Leadership   // that Next has returned

	// Guarded by client.mu.
	now     Leadership
	told    bool          // at least once
	silence time.Duration // after which nothing is known
	until   time.Duration // by the client's clock: until then now counts
}

var _ feeder = (*Observation)(nil)

// Observe follows who leads. It waits until the service has answered, or ctx ends. What it tells is
// the latest; what came and went between two calls of Next is left out. When the client is cut off
// from the service, or its member from the quorum, the state is unknown until that is over: when in
// doubt, unknown. What is told may have been overtaken on its way, for up to some seconds where a
// network is cut without a word. The caller must Close it.
func (e *Election) Observe(ctx context.Context) (*Observation, error) {
	o := newObservation(e.mutex.client, e.mutex.name)
	if err := o.begin(ctx); err != nil {
		return nil, fmt.Errorf("observe %q: %w", o.name, err)
	}
	return o, nil
}

func newObservation(c *Client, name string) *Observation {
	o := &Observation{name: name, news: make(chan struct{}, 1), now: Leadership{State: LeaderUnknown}}
	o.feed = newFeed(c, o)
	return o
}

// ask is part of feeder.
func (o *Observation) ask(f *wire.Frame) { f.Kind, f.Name = wire.Observe, o.name }

// begun is part of feeder: it notes for how long what is told counts.
func (o *Observation) begun(answer *wire.Frame) {
	o.silence = time.Duration(answer.TTLMS) * time.Millisecond
}

// push is part of feeder.
func (o *Observation) push(f *wire.Frame) {
	behind := f.Revision < o.now.Revision // it has not applied yet what another member has told
	o.now = Leadership{State: LeaderUnknown, Revision: max(f.Revision, o.now.Revision)}
	switch {
	case behind:
	case f.Known == wire.NobodyDoes:
		o.now.State = LeaderNone
	case f.Known == wire.Leads && len(f.Contenders) > 0:
		o.now.State, o.now.Leader = LeaderKnown, contender(&f.Contenders[0])
		if len(f.Contenders) > 1 {
			o.now.Asked = contender(&f.Contenders[1])
		}
	}
	o.told, o.until = true, o.client.cfg.clock()+o.silence
	o.rouse()
}

// forget is part of feeder: nothing is known while nothing is told.
func (o *Observation) forget() {
	o.now, o.until = Leadership{State: LeaderUnknown, Revision: o.now.Revision}, 0
	o.told = true
	o.rouse()
}

func (o *Observation) rouse() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// current returns what is known, and for how long that counts; 0: for as long as nothing is told.
// It is false where nothing was told yet.
func (o *Observation) current() (now Leadership, left time.Duration, ok bool, err error) {
	c := o.client
	c.mu.Lock()
	defer c.mu.Unlock()
	now = o.now
	if now.State != LeaderUnknown {
		if left = o.until - c.cfg.clock(); left <= 0 {
			now, left = Leadership{State: LeaderUnknown, Revision: now.Revision}, 0
		}
	}
	return now, left, o.told, o.err
}

// Next waits until there is something to tell that it has not told last, the first time for the
// first word of the service. The error is ctx's cause, or else why the observation ended: it matches
// [ErrClosed] after a Close.
func (o *Observation) Next(ctx context.Context) (Leadership, error) {
	for {
		now, left, ok, err := o.current()
		switch {
		case err != nil:
			return Leadership{State: LeaderUnknown}, err
		case ok && (o.last == nil || !now.same(o.last)):
			o.last = &now
			return now, nil
		}
		// Timers do not follow the clock through a suspend: look every so often.
		pause := watch
		if left > 0 {
			pause = min(pause, left)
		}
		timer := time.NewTimer(pause)
		select {
		case <-o.news:
		case <-timer.C:
		case <-o.ended:
		case <-ctx.Done():
			timer.Stop()
			return Leadership{State: LeaderUnknown}, context.Cause(ctx)
		}
		timer.Stop()
	}
}

// All returns what Next does as a sequence, which ends after the first error.
func (o *Observation) All(ctx context.Context) iter.Seq2[Leadership, error] {
	return sequence(ctx, o.Next)
}
