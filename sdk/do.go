package sdk

import (
	"context"
	"errors"
	"time"
)

// unlockPatience is how long Do and a Locker wait for the answer to their release; it is repeated
// in the background from then on.
const unlockPatience = 5 * time.Second

// Do runs f while it holds the lock called name. f's context ends with ctx, and when the hold is
// lost, with the cause; f must then return. The error joins f's own and what is wrong with the
// hold at the end: one that matches [ErrLost] says that f may not have been alone. An error of Lock
// is returned without f having run.
func (c *Client) Do(ctx context.Context, name string, f func(ctx context.Context, token Token) error) (err error) {
	hold, err := c.Mutex(name).Lock(ctx)
	if err != nil {
		return err
	}
	within, cancel := context.WithCancelCause(hold.Context())
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer func() {
		stop()
		cancel(nil)
	}()
	// Deferred for an f that panics: the lock is released all the same.
	defer func() {
		release, end := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
		defer end()
		err = errors.Join(err, hold.Unlock(release))
	}()
	return f(within, hold.Token())
}
