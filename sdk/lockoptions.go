package sdk

import (
	"context"
	"time"
)

// A LockOption changes how a lock, permits or a term are taken and held. A bad one, or one that the
// recipe does not know, is an error of Lock, Acquire, Campaign and the like: an [*InputError].
type LockOption func(*lockConfig)

// A lockConfig is what the options of a lock come to.
type lockConfig struct {
	recipe   *recipe   // that they are for; nil: any
	given    optionSet // of those that not every recipe takes
	reason   string
	owner    string
	compat   string
	mode     string // of the stream's; empty: nobody shares the lock
	again    bool
	delay    time.Duration
	deadlock DeadlockMode
	metadata map[string]string
	maxHold  time.Duration
	check    func(context.Context) error
	every    time.Duration
	onWait   func(Wait)
	onState  func(*Hold, State)
	priority int
	keepTerm bool
	limit    int // of a semaphore
	bad      *InputError
}

// newLockConfig returns what options of every lock of a client, and a lock's own, come to.
func newLockConfig(r *recipe, common, own []LockOption) *lockConfig {
	c := &lockConfig{recipe: r}
	for _, o := range common {
		o(c)
	}
	c.given &^= deadlockOption // those whose waits are in no cycle need not refuse what all were told
	for _, o := range own {
		o(c)
	}
	return c
}

func (c *lockConfig) validate() error {
	if c.bad != nil {
		return c.bad
	}
	if c.recipe != nil {
		return c.recipe.refuse(c.given)
	}
	return nil
}

// WithReason says why the lock is taken, to those who wait for it and to operators.
func WithReason(reason string) LockOption { return func(c *lockConfig) { c.reason = reason } }

// WithLockOwner says who takes this lock, instead of the client's owner.
func WithLockOwner(owner string) LockOption { return func(c *lockConfig) { c.owner = owner } }

// WithMetadata adds what else others may want to know of a holder.
func WithMetadata(metadata map[string]string) LockOption {
	return func(c *lockConfig) { c.metadata = metadata }
}

// WithCompatAll makes the lock one that kazoo's clients, too, stay away from as they are, without
// extra_lock_patterns. It costs a second znode. The lock waits for kazoo's clients in any case.
func WithCompatAll() LockOption {
	return func(c *lockConfig) { c.compat, c.given = compatAll, c.given|compatAllOption }
}

// WithReentrant lets the same owner take the lock again while it holds it: Lock then returns the
// same [Hold], and the lock is released by the last of as many calls of Unlock. An owner is the
// session and what [WithLockOwner] or [WithOwner] says; all goroutines that share both are one owner.
// What is counted is counted in this Client: nobody else has a part in it. It is for [Mutex] and
// [RWMutex].
func WithReentrant() LockOption {
	return func(c *lockConfig) { c.again, c.given = true, c.given|reentrantOption }
}

// WithLockDelay makes the lock rest for d if its hold ends because the session has expired, before
// it passes on: this program may still be at work then, or what it has sent still be on its way. No
// other end makes it rest. The service limits d, by default to a minute; 0 is no delay. It is for locks.
func WithLockDelay(d time.Duration) LockOption {
	return func(c *lockConfig) {
		if d != 0 {
			c.given |= lockDelayOption
		}
		if c.delay = d; d < 0 {
			c.bad = &InputError{Field: "LockDelay", Problem: "is below 0", Fix: "leave the option out for none"}
		}
	}
}

// compatAll is what the stream calls it.
const compatAll = "all"

// WithMaxHold ends a hold d after it began, by a clock that counts a suspended machine's time: its
// context ends with [ErrMaxHold] and the lock is released. Work that goes on regardless is not
// protected any more.
func WithMaxHold(d time.Duration) LockOption {
	return func(c *lockConfig) {
		if c.maxHold = d; d <= 0 {
			c.bad = &InputError{Field: "MaxHold", Problem: "is not above 0", Fix: "leave the option out for no limit"}
		}
	}
}

// WithProgress calls check every so often while the lock is held. When it returns an error, or has
// not returned by the time of the next call, the hold's context ends with [ErrNoProgress] and the
// lock is released, so that a stuck program does not hold for ever. check runs in a goroutine of
// its own, and its context ends when its time is over; it must then return.
func WithProgress(check func(ctx context.Context) error, every time.Duration) LockOption {
	return func(c *lockConfig) {
		if c.check, c.every = check, every; check == nil || every <= 0 {
			c.bad = &InputError{Field: "Progress", Problem: "needs a check and an interval above 0", Fix: "leave the option out for no check"}
		}
	}
}

// OnWait has Lock and Wait call f when a wait begins, and when it moves; with several locks the wait
// is for one of them at a time. It is called by the
// goroutine that waits, never by two at once for one Lock; while it runs, that Lock does not
// return.
func OnWait(f func(Wait)) LockOption { return func(c *lockConfig) { c.onWait = f } }

// OnState calls f when a hold's state has changed, in a goroutine of the hold's own; the last call
// is for Lost or Released. A state that lasts shorter than f runs may be left out.
func OnState(f func(*Hold, State)) LockOption { return func(c *lockConfig) { c.onState = f } }
