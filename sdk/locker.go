package sdk

import (
	"context"
	"errors"
	"sync"
	"time"
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
	for {
		_, err := l.mutex.Lock(context.Background())
		switch {
		case err == nil:
			return
		case final(err) || !l.mutex.client.pause(lockerPause):
			panic(err) //nolint:forbidigo // see Locker
		}
	}
}

// lockerPause is between two attempts of a locker that was refused for now.
const lockerPause = 500 * time.Millisecond

// final reports whether the same request would be refused for ever.
func final(err error) bool {
	for _, e := range []error{ErrClosed, ErrInput, ErrNotALock, ErrNotPermitted, ErrTooLarge, ErrUnsupported} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Unlock is part of [sync.Locker].
func (l *locker) Unlock() {
	ctx, cancel := context.WithTimeout(context.Background(), unlockPatience)
	defer cancel()
	if err := l.mutex.Unlock(ctx); err != nil {
		l.mutex.client.cfg.log.Warn("a lock was not released in order", "lock", l.mutex.name, "err", err)
	}
}
