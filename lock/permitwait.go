package lock

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// awaitPermits waits for a claim to be granted; wait is negative for ever.
func (l *Locker) awaitPermits(ctx context.Context, c *claim, wait time.Duration) (Hold, error) {
	begun := time.Now()
	granted, woken, err := l.turn(ctx, c.waiting(), wait, c.oneShot, c.begins(c.request.Begins))
	switch {
	case err != nil:
		pause := time.Duration(0)
		if errors.Is(err, store.ErrClosed) && c.retry {
			pause = placeKept
		}
		l.dropAfter(pause, c)
		return Hold{}, err
	case !granted:
		busy := l.permitsBusy(c)
		if _, err := l.store.Do(ctx, l.dropping(c)); err != nil {
			l.drop(c)
		}
		return Hold{}, busy
	}
	if !c.request.OwnTouches && (time.Since(begun) > time.Millisecond || c.sent == 0) {
		if c.sent, err = l.confirm(ctx, c.session); err != nil {
			l.drop(c)
			return Hold{}, err
		}
	}
	h, err := l.claimed(c)
	if err == nil && woken != 0 {
		l.Stats.handOver(clock.Boot() - woken)
	}
	return h, err
}

// waiting is the place in the queue to wait at. Permits held already are not waited for.
func (c *claim) waiting() *attempt {
	return &attempt{path: c.path, stat: c.stat, session: c.session, ttl: c.ttl, permits: true}
}

// begins passes the claim's own ticket on.
func (c *claim) begins(begins func(string)) func(string) {
	if begins == nil {
		return nil
	}
	return func(string) { begins(ticket(Token(c.stat.Czxid), c.path, c.session)) }
}

// dropping is the request that gives up a claim, granted or not. As with locks, one that its client
// may have repeated is given up only as this attempt has seen it.
func (l *Locker) dropping(c *claim) *znode.Request {
	if c.oneShot && !c.retry {
		return &znode.Request{Session: c.session, Ops: []znode.Op{{Kind: znode.OpClose}}}
	}
	op := znode.Op{Kind: znode.OpReleasePermits, Path: c.semaphore, Protected: c.id, Version: -1}
	if c.retry {
		op.Version = c.stat.Version
	}
	return &znode.Request{Session: c.session, Ops: []znode.Op{op}}
}

// drop gives up a claim behind its caller's back.
func (l *Locker) drop(c *claim) { l.dropAfter(0, c) }

func (l *Locker) dropAfter(pause time.Duration, c *claim) {
	l.behind.After(pause, func(ctx context.Context) error {
		_, err := l.store.Do(ctx, l.dropping(c))
		return err
	})
}

// dropUnknown gives up a claim if it is there: nobody knows what became of its request.
func (l *Locker) dropUnknown(c *claim) {
	l.behind.Do(func(ctx context.Context) error {
		if err := l.store.Pass(ctx); err != nil {
			return err
		}
		found := false
		l.store.View(func(t *znode.Tree, _ int64) {
			if n, _ := c.look(t); n != nil {
				c.path, c.stat, found = n.Path(), n.Stat(), true
			}
		})
		if !found || c.retry && c.stat.Version > 0 {
			return nil // it never was, or its client has come for it since
		}
		_, err := l.store.Do(ctx, l.dropping(c))
		return err
	})
}

// dropLate cleans up after a request whose caller has gone before its outcome was known.
func (l *Locker) dropLate(c *claim, out *znode.Outcome, err error) {
	switch {
	case err != nil:
		l.dropUnknown(c)
	case out.Code == znode.OK:
		c.took(out)
		l.drop(c)
	}
}
