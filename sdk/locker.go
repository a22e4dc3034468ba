package sdk

import (
	"context"
	"sync"
)

// Locker returns the lock called name as a [sync.Locker]. Lock blocks until the lock is held,
// whatever goes wrong meanwhile; Unlock waits some seconds for its answer. There is no way to tell
// the program that a hold was lost, so use it only where a [Mutex] cannot be used, with
// [OnState] at least. What Unlock meets is logged.
//
// Lock panics where it can never succeed: the client is closed, or the service refuses the name.
// A sync.Locker has no other way to say no, and to return would be to say yes.
func (c *Client) Locker(name string, opts ...LockOption) sync.Locker {
	return &locker{mutex: c.Mutex(name, opts...)}
}

type locker struct{ mutex *Mutex }

// Lock is part of [sync.Locker].
func (l *locker) Lock() {
	if _, err := l.mutex.Lock(context.Background()); err != nil {
		panic(err) //nolint:forbidigo // see Locker
	}
}

// Unlock is part of [sync.Locker].
func (l *locker) Unlock() {
	ctx, cancel := context.WithTimeout(context.Background(), unlockPatience)
	defer cancel()
	if err := l.mutex.Unlock(ctx); err != nil {
		l.mutex.client.cfg.log.Warn("a lock was not released in order", "lock", l.mutex.name, "err", err)
	}
}
