package lock

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A waiter is somebody at this member who waits for one contender to become the holder.
type waiter struct {
	changed chan struct{} // closed when the contender holds, or is gone, or the tree was rebuilt
	at      time.Duration // when that was, by clock.Boot; not to be read before
	count   int           // who wait on it
}

// watch returns a waiter for the contender at path; nil if it holds or is gone already. The
// caller must unwatch a waiter that is not nil.
func (l *Locker) watch(a *attempt) (found *waiter) {
	l.store.View(func(t *znode.Tree, _ int64) {
		if n, ok := a.follow(t); !ok || a.done(n) {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		w := l.waiters[a.path]
		if w == nil {
			w = &waiter{changed: make(chan struct{})}
			l.waiters[a.path] = w
		}
		w.count++
		found = w
	})
	return found
}

// done reports whether an attempt waits for nothing any more, though it stands.
func (a *attempt) done(n *znode.Node) bool {
	if !a.permits {
		return !n.Waits()
	}
	_, held := znode.Lease(n.Name())
	return held
}

func (l *Locker) unwatch(path string, w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.count--; w.count == 0 && l.waiters[path] == w {
		delete(l.waiters, path)
	}
}

func holds(t *znode.Tree, path string) bool {
	dir, name := znode.Split(path)
	n, ok := t.Get(dir)
	return ok && n.Holds(name)
}

// await waits for an attempt's turn; wait is negative for ever.
func (l *Locker) await(ctx context.Context, a *attempt, wait time.Duration) (Hold, error) {
	begun := time.Now()
	granted, woken, err := l.turn(ctx, a, wait, a.oneShot, a.request.Begins)
	switch {
	case errors.Is(err, ErrDeadlock):
		return Hold{}, l.refuse(ctx, a, err)
	case err != nil:
		l.giveUp(a, err)
		return Hold{}, err
	case !granted:
		err := l.heldAhead(a)
		return Hold{}, l.leaveOrHold(ctx, a, err)
	}
	if !a.request.OwnTouches && (time.Since(begun) > time.Millisecond || a.sent == 0) {
		if a.sent, err = l.confirm(ctx, a.session); err != nil {
			l.giveUp(a, err)
			return Hold{}, err
		}
	}
	h, err := l.standing(a)
	if err == nil && woken != 0 {
		l.Stats.handOver(clock.Boot() - woken)
	}
	return h, err
}

// turn waits until the contender holds or is gone. It reports false when the time ran out, and
// when the waiting ended; 0: there was none. With keep, the session is touched meanwhile: it
// has nothing else that could be held for too long. begins, if not nil, is told the ticket before
// a wait.
func (l *Locker) turn(ctx context.Context, a *attempt, wait time.Duration, keep bool, begins func(string)) (granted bool, woken time.Duration, err error) {
	w := l.watch(a)
	if w == nil {
		return true, 0, nil
	}
	defer func() {
		if w != nil {
			l.unwatch(a.path, w)
		}
	}()
	if !a.checked {
		if e := l.closes(a, false); e != nil {
			return false, 0, e
		}
	}
	if begins != nil && wait != 0 {
		begins(a.ticket())
	}
	var timeout <-chan time.Time
	if wait >= 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timeout = t.C
	}
	var touch <-chan time.Time
	if keep {
		t := time.NewTicker(max(a.ttl, lease.MinTTL) / 3)
		defer t.Stop()
		touch = t.C
	}
	look, stop := l.lookout(a)
	defer stop()
	for {
		select {
		case <-look.C:
			if e := l.closes(a, true); e != nil {
				return false, 0, e
			}
			l.report(a)
			look.Reset(reportAgain * l.cfg.DeadlockReport)
		case <-w.changed:
			woken = w.at
			l.unwatch(a.path, w)
			// A tree that was built anew wakes everybody, whatever their turn.
			if w = l.watch(a); w == nil {
				return true, woken, nil
			}
		case <-timeout:
			return false, 0, nil
		case <-touch:
			l.store.Touch(a.session, false)
		case <-ctx.Done():
			return false, 0, context.Cause(ctx)
		}
	}
}

// confirm has a session touched anew, after the grant, so that the answer's deadline is one that its
// client can count on. The deadline counts from what it returns.
func (l *Locker) confirm(ctx context.Context, session lease.ID) (sent time.Duration, err error) {
	touch := l.sessions.Expect(session)
	l.store.Touch(session, true)
	return touch.Wait(ctx)
}

// leaveOrHold gives up an attempt whose time ran out, and returns why once that is done.
func (l *Locker) leaveOrHold(ctx context.Context, a *attempt, why error) error {
	for _, b := range a.apart() {
		if err := l.leaveOnce(ctx, b); err != nil {
			l.leave(b)
		}
	}
	if err := l.leaveOnce(ctx, a); err != nil {
		l.leave(a)
	}
	return why
}

// leaving is the request that removes an attempt's contender. Where its client may have
// repeated the request, at whatever member, only the version that this attempt has seen is
// removed: a repetition raises it, and whoever repeated may have been told that it holds. For
// the same reason the one-shot session of such an attempt is left to lapse.
func (l *Locker) leaving(a *attempt) *znode.Request {
	if a.alone() {
		return &znode.Request{Session: a.session, Ops: []znode.Op{{Kind: znode.OpClose}}}
	}
	op := znode.Op{Kind: znode.OpDelete, Path: a.path, Version: -1, Czxid: a.stat.Czxid}
	if a.retry {
		op.Version = a.stat.Version
	}
	op.Note = a.why
	// In the session's name: it lets go by itself, nobody takes the lock from it.
	return &znode.Request{Session: a.session, Ops: []znode.Op{op}}
}

// alone reports whether an attempt is given up by closing the session that was made for it.
func (a *attempt) alone() bool { return a.oneShot && !a.retry }

// apart returns those of an attempt's others that do not go with it.
func (a *attempt) apart() []*attempt {
	if a.alone() {
		return nil
	}
	return a.others
}

// placeKept is how long the place of a wait stays that this member's stop has ended: its client
// repeats the request at another member, and finds it.
const placeKept = 2 * time.Second

// giveUp gives up an attempt whose wait has ended with why.
func (l *Locker) giveUp(a *attempt, why error) {
	if !errors.Is(why, store.ErrClosed) || !a.retry || a.entry != "" {
		l.leave(a)
		return
	}
	for _, b := range a.others {
		l.giveUp(b, why)
	}
	l.behind.After(placeKept, func(ctx context.Context) error { return l.leaveOnce(ctx, a) })
}

// leave removes an attempt's contender, and those of its others, behind its caller's back. The
// request is repeated until its outcome is known; should this member die first, the session's end
// removes the contender.
func (l *Locker) leave(a *attempt) {
	for _, b := range a.apart() {
		l.leave(b)
	}
	l.behind.Do(func(ctx context.Context) error { return l.leaveOnce(ctx, a) })
}

// leaveOnce removes an attempt's contender, or its entry in one. The error is that of an outcome
// that is not known, of a request that was not done, or of a refusal, as by an ACL that somebody has set.
func (l *Locker) leaveOnce(ctx context.Context, a *attempt) error {
	if a.entry != "" {
		_, _, err := l.withdraw(ctx, a, a.entry)
		return err
	}
	return l.quit(ctx, a)
}

// leaveUnknown removes an attempt's contender, if there is one: nobody knows what became of the
// request that was to make it.
func (l *Locker) leaveUnknown(a *attempt) {
	for _, b := range a.others {
		l.leaveUnknown(b)
	}
	l.behind.Do(func(ctx context.Context) error {
		if err := l.store.Pass(ctx); err != nil {
			return err
		}
		l.store.View(func(t *znode.Tree, _ int64) {
			if path, ok := t.OwnChild(a.session, a.dir, "_c_"+a.id+"-"); ok {
				n, _ := t.Get(path)
				a.path, a.stat = path, n.Stat()
			}
		})
		if a.path == "" || a.entry == "" && a.retry && a.stat.Version > 0 {
			return nil // it never was, or its client has come for it since
		}
		return l.leaveOnce(ctx, a)
	})
}

// leaveLate cleans up after a request whose caller has gone before its outcome was known.
func (l *Locker) leaveLate(a *attempt, out *znode.Outcome, err error) {
	switch {
	case err != nil:
		l.leaveUnknown(a)
	case out.Code == znode.OK:
		a.took(out)
		l.leave(a)
	}
}
