package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

// behindAgain is how long a Behind waits before it does again what has failed.
const behindAgain = 200 * time.Millisecond

// A Behind does what must be done behind callers' backs: they have gone, or must not wait for it. Its
// methods are safe for concurrent use.
type Behind struct {
	ctx    context.Context // done when Close has been called
	cancel context.CancelFunc

	mu sync.Mutex // held while one begins, so that Close waits for it
	wg sync.WaitGroup
}

// NewBehind returns a Behind. Close must be called on it in the end.
func NewBehind() *Behind {
	b := &Behind{}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Do has do run until it succeeds, is refused with a [znode.Code], which to ask again would not change,
// the store is closed, or Close is called, which ends its context. It does not block.
func (b *Behind) Do(do func(ctx context.Context) error) { b.After(0, do) }

// After is Do, begun after a pause, which Close ends, too: then nothing is done.
func (b *Behind) After(pause time.Duration, do func(ctx context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil {
		return
	}
	b.wg.Go(func() {
		if pause > 0 && !sleep(b.ctx, pause) {
			return
		}
		for b.ctx.Err() == nil {
			err := do(b.ctx)
			if _, refused := errors.AsType[znode.Code](err); refused || err == nil || errors.Is(err, ErrClosed) {
				return
			}
			select {
			case <-time.After(behindAgain):
			case <-b.ctx.Done():
			}
		}
	})
}

// Finish waits until nothing is left to be done, or ctx ends. Nothing may be begun meanwhile.
func (b *Behind) Finish(ctx context.Context) {
	done := make(chan struct{})
	go func() { // Close waits for the same
		b.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Close ends what is being done, and waits for that.
func (b *Behind) Close() {
	b.mu.Lock()
	b.cancel()
	b.mu.Unlock()
	b.wg.Wait()
}
