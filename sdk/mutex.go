package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A Mutex is a lock by its name. It costs nothing until it is asked for. Its methods are safe for
// concurrent use, and several that are called for one name, here or elsewhere, exclude each other
// like those of different programs.
type Mutex struct {
	client  *Client
	session *Session // nil: the client's own at the time
	name    string
	cfg     *lockConfig

	mu   sync.Mutex
	last *Hold // the last that was given out
}

func newMutex(c *Client, s *Session, name string, r *recipe, opts []LockOption) *Mutex {
	return &Mutex{client: c, session: s, name: name, cfg: newLockConfig(r, c.cfg.lock, opts)}
}

// Name returns the lock's name.
func (m *Mutex) Name() string { return m.name }

// Lock waits until the lock is held. If ctx ends first, it gives up its place in the queue and
// returns ctx's cause; should the lock have been granted meanwhile, it is released in the
// background. Reconnections go unnoticed. The client's own session is replaced where it is lost
// while Lock waits, at the price of the place in the queue; another session's loss is an error that
// matches [ErrSessionLost]. Other errors are refusals, such as [ErrTooManyWaiters] and [InputError],
// and [ErrClosed].
func (m *Mutex) Lock(ctx context.Context) (*Hold, error) {
	h, err := renewing(ctx, m.session, func() (*Hold, error) { return m.acquire(ctx, -1) })
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", m.name, err)
	}
	return h, nil
}

// TryLock takes the lock if nobody holds it or waits for it, else the error is a [*HeldError]. It
// waits for the answer until ctx ends; otherwise it is as Lock.
func (m *Mutex) TryLock(ctx context.Context) (*Hold, error) {
	h, err := renewing(ctx, m.session, func() (*Hold, error) { return m.acquire(ctx, 0) })
	if err != nil {
		return nil, fmt.Errorf("try lock %q: %w", m.name, err)
	}
	return h, nil
}

// Unlock unlocks the last hold that Lock, TryLock or a Ticket of this Mutex gave out: see
// [Hold.Unlock]. The error matches [ErrNotHeld] where there is none.
func (m *Mutex) Unlock(ctx context.Context) error {
	m.mu.Lock()
	h := m.last
	m.mu.Unlock()
	if h == nil {
		return fmt.Errorf("unlock %q: %w", m.name, ErrNotHeld)
	}
	err := h.Unlock(ctx)
	if !errors.Is(err, ErrUncertain) && h.ended() != nil { // a reentrant one may be held still
		m.mu.Lock()
		if m.last == h {
			m.last = nil
		}
		m.mu.Unlock()
	}
	return err
}

// Enqueue takes a place in the lock's queue without waiting for the lock. The place stays until
// the ticket's Leave, or the session's end. If ctx ends before the answer, the place is given up in
// the background.
func (m *Mutex) Enqueue(ctx context.Context) (*Ticket, error) {
	t, err := renewing(ctx, m.session, func() (*Ticket, error) { return m.enqueue(ctx) })
	if err != nil {
		return nil, fmt.Errorf("enqueue for %q: %w", m.name, err)
	}
	return t, nil
}

// renewing asks until the answer is not that the client's own session was lost, which s is if it is
// nil: nothing is held by what has failed, and a new session can be asked.
func renewing[T any](ctx context.Context, s *Session, ask func() (T, error)) (T, error) {
	for {
		got, err := ask()
		if s != nil || !errors.Is(err, ErrSessionLost) || ctx.Err() != nil {
			return got, err
		}
	}
}

// gave notes the hold for Unlock.
func (m *Mutex) gave(h *Hold) *Hold {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = h
	return h
}
