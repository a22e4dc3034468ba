package sdk

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A life ends once, with a cause. It is what a [Session] and a [Hold] have in common. What is made
// of it, a context or a channel, is made when it is asked for: most holds are never asked.
type life struct {
	look   func()          // ends the life where its time is over by the clock
	values context.Context // what the context's values come from; nil: none

	mu     sync.Mutex
	cause  error // why it ended; nil: it goes on
	lost   chan struct{}
	ctx    *lifeContext
	cancel context.CancelCauseFunc
}

// end ends the life, and reports whether it went on until now.
func (l *life) end(cause error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return false
	}
	l.cause = cause
	if l.lost != nil && isLoss(cause) {
		close(l.lost)
	}
	if l.cancel != nil {
		l.cancel(cause)
	}
	return true
}

// isLoss reports whether a life that ended for this cause is lost, not given up.
func isLoss(cause error) bool { return !errors.Is(cause, ErrReleased) && !errors.Is(cause, ErrClosed) }

// ended returns the cause as far as it is known, without a look at the clock.
func (l *life) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// lostChannel returns a channel that is closed when the life is lost.
func (l *life) lostChannel() <-chan struct{} {
	l.look()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = make(chan struct{})
		if l.cause != nil && isLoss(l.cause) {
			close(l.lost)
		}
	}
	return l.lost
}

// context returns a context that ends with the life.
func (l *life) context() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		parent := context.Background()
		if l.values != nil {
			parent = context.WithoutCancel(l.values)
		}
		inner, cancel := context.WithCancelCause(parent)
		if l.cause != nil {
			cancel(l.cause)
		}
		l.ctx, l.cancel = &lifeContext{inner: inner, look: l.look}, cancel
	}
	return l.ctx
}

// A lifeContext looks at the clock whenever it is asked. A program that was stopped, or whose
// machine was suspended, thus sees on waking that the time is over, whether or not a timer has
// run since. Contexts derived from it are told by the inner one, when a timer has.
type lifeContext struct {
	inner context.Context
	look  func()
}

// Deadline returns none: a life's moves on with each renewal.
func (c *lifeContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is part of [context.Context].
func (c *lifeContext) Done() <-chan struct{} {
	c.look()
	return c.inner.Done()
}

// Err is part of [context.Context].
func (c *lifeContext) Err() error {
	c.look()
	return c.inner.Err()
}

// Value is part of [context.Context]. [context.Cause] asks by it.
func (c *lifeContext) Value(key any) any {
	c.look()
	return c.inner.Value(key)
}
