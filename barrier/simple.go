package barrier

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A State is how a barrier stands.
type State struct {
	Name     string
	Closed   bool
	Owner    string    // who closed it, where that is known
	Since    time.Time // when it was closed, by the writer's clock
	Revision int64
	Repeated bool // of Set and Remove: it stood so before
}

// tries bounds how often a change is tried anew that others have overtaken.
const tries = 8

// Set closes a barrier: whoever waits from now on waits until it is removed. owner and door are for
// people. A barrier that is closed already stays as it is, and is answered as Repeated. The error is
// ErrNotABarrier where the znode is in other use.
func (b *Barriers) Set(ctx context.Context, name, owner, door string) (State, error) {
	p, err := path(name)
	if err != nil {
		return State{}, err
	}
	data, err := (&note{Owner: owner, Door: door}).encode()
	if err != nil {
		return State{}, err
	}
	for range tries {
		out, err := b.store.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: p, Data: data, ACL: znode.OpenACL, Parents: true}}})
		switch {
		case err != nil:
			return State{}, err
		case out.Code == znode.OK:
			return State{Name: name, Closed: true, Owner: owner, Since: time.UnixMilli(out.Results[0].Stat.Ctime), Revision: out.Revision}, nil
		case out.Code != znode.ErrNodeExists:
			return State{}, b.codeError(out.Code, 0)
		}
		s, plain, _ := b.look(name, p)
		switch {
		case s.Closed && !plain:
			return State{}, ErrNotABarrier
		case s.Closed:
			s.Repeated = true
			return s, nil
		}
	}
	return State{}, store.ErrUnavailable
}

// Remove opens a barrier: everybody who waits goes on. One that is open already is answered as
// Repeated. The error is ErrNotABarrier where the znode is in other use.
func (b *Barriers) Remove(ctx context.Context, name string) (State, error) {
	p, err := path(name)
	if err != nil {
		return State{}, err
	}
	for range tries {
		s, plain, czxid := b.look(name, p)
		if !s.Closed {
			// Another member may have closed it a moment ago.
			if err := b.store.Sync(ctx); err != nil {
				return State{}, err
			}
			if s, plain, czxid = b.look(name, p); !s.Closed {
				s.Repeated = true
				return s, nil
			}
		}
		if !plain {
			return State{}, ErrNotABarrier
		}
		out, err := b.store.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpDelete, Path: p, Version: -1, Czxid: czxid}}})
		switch {
		case err != nil:
			return State{}, err
		case out.Code == znode.OK:
			return State{Name: name, Revision: out.Revision}, nil
		case out.Code != znode.ErrNoNode:
			return State{}, b.codeError(out.Code, 0)
		}
	}
	return State{}, store.ErrUnavailable
}

// Wait waits until a barrier is open: not at all when wait is 0, without limit when it is negative.
// It sees every Set that was answered before. begins, if not nil, is called once if there is
// something to wait for; it must not block. When the time runs out the error is a [*ClosedError];
// when ctx ends, its cause.
func (b *Barriers) Wait(ctx context.Context, name string, wait time.Duration, begins func()) (State, error) {
	p, err := path(name)
	if err != nil {
		return State{}, err
	}
	if err := b.store.Sync(ctx); err != nil {
		return State{}, err
	}
	w := b.watch(p, passing, "")
	defer b.unwatch(p, w)
	c := newClock(wait)
	defer c.stop()
	for {
		s, _, _ := b.look(name, p)
		if !s.Closed {
			return s, nil
		}
		ok, err := c.wait(ctx, w, &begins)
		switch {
		case err != nil:
			return State{}, err
		case !ok:
			return State{}, &ClosedError{Name: name, Owner: s.Owner, Since: s.Since, Revision: s.Revision}
		}
	}
}

// Look tells how a barrier stands.
func (b *Barriers) Look(ctx context.Context, name string, fresh store.Read) (State, error) {
	p, err := path(name)
	if err != nil {
		return State{}, err
	}
	if err := b.store.Fresh(ctx, fresh); err != nil {
		return State{}, err
	}
	s, _, _ := b.look(name, p)
	return s, nil
}

// look reads a barrier from this member's tree. It is plain where nothing speaks against taking the
// znode away.
func (b *Barriers) look(name, p string) (s State, plain bool, czxid int64) {
	s.Name = name
	var data []byte
	b.store.View(func(t *znode.Tree, revision int64) {
		s.Revision = revision
		n, ok := t.Get(p)
		if !ok {
			return
		}
		s.Closed, data, czxid = true, n.Data(), n.Czxid()
		s.Since = time.UnixMilli(n.Stat().Ctime)
		plain = n.Kind() == znode.Persistent && n.NumChildren() == 0
	})
	if s.Closed {
		s.Owner = decodeNote(data).Owner
	}
	return s, plain, czxid
}

// A clock bounds a wait.
type clock struct {
	timer *time.Timer // nil: without limit, or not at all
	none  bool
	touch *time.Ticker // nil: nobody is to be touched
	keep  func()
}

func newClock(wait time.Duration) *clock {
	c := &clock{none: wait == 0}
	if wait > 0 {
		c.timer = time.NewTimer(wait)
	}
	return c
}

// keeping has a session touched while the wait lasts.
func (c *clock) keeping(ttl time.Duration, touch func()) {
	c.touch, c.keep = time.NewTicker(max(ttl, lease.MinTTL)/3), touch
}

func (c *clock) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.touch != nil {
		c.touch.Stop()
	}
}

// wait waits until w is woken. It reports false when the time is over, and ctx's cause when that
// has ended. The first time that it has to wait it calls begins.
func (c *clock) wait(ctx context.Context, w *waiter, begins *func()) (bool, error) {
	if c.none {
		return false, nil
	}
	if *begins != nil {
		(*begins)()
		*begins = nil
	}
	var over, touch <-chan time.Time
	if c.timer != nil {
		over = c.timer.C
	}
	if c.touch != nil {
		touch = c.touch.C
	}
	for {
		select {
		case <-w.woken:
			return true, nil
		case <-touch:
			c.keep()
		case <-over:
			c.none = true
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}
