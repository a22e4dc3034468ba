package sdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A MultiLock is several locks that are taken together, all or none. Its methods are safe for
// concurrent use.
type MultiLock struct {
	client  *Client
	session *Session // nil: the client's own at the time
	names   []string
	cfg     *lockConfig
}

// MultiLock returns the locks of those names, to be held by the client's own session. It asks
// nobody.
func (c *Client) MultiLock(names []string, opts ...LockOption) *MultiLock {
	return newMultiLock(c, nil, names, opts)
}

// MultiLock returns the locks of those names, to be held by this session. It asks nobody.
func (s *Session) MultiLock(names []string, opts ...LockOption) *MultiLock {
	return newMultiLock(s.client, s, names, opts)
}

func newMultiLock(c *Client, s *Session, names []string, opts []LockOption) *MultiLock {
	return &MultiLock{client: c, session: s, names: slices.Sorted(slices.Values(names)), cfg: newLockConfig(ofMultiLock, c.cfg.lock, opts)}
}

// Lock waits until all locks are held. The places in all queues are taken at once, so that MultiLocks
// never wait for each other in a circle, whatever their names. [OnWait] is told of each lock that is
// waited for, one after the other. Otherwise it is as [Mutex.Lock].
func (m *MultiLock) Lock(ctx context.Context) (*MultiHold, error) {
	return m.lock(ctx, -1)
}

// TryLock takes all locks if nobody holds one of them or waits for it, else none: the error is a
// [*HeldError] that names one. Otherwise it is as [Mutex.TryLock].
func (m *MultiLock) TryLock(ctx context.Context) (*MultiHold, error) {
	return m.lock(ctx, 0)
}

func (m *MultiLock) lock(ctx context.Context, wait int64) (*MultiHold, error) {
	holds, err := renewing(ctx, m.session, func() ([]*Hold, error) { return m.acquire(ctx, wait) })
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", m.names, err)
	}
	return newMultiHold(m.client, holds), nil
}

func (m *MultiLock) acquire(ctx context.Context, wait int64) ([]*Hold, error) {
	if err := m.cfg.validate(); err != nil {
		return nil, err
	}
	s := m.session
	if s == nil {
		s = m.client.Session()
	}
	k := m.client.newLockCall(s, m.cfg, wire.AcquireAll, wait)
	k.frame.Names = m.names
	if _, err := m.client.wait(ctx, k); err != nil {
		return nil, err
	}
	return k.holds, nil
}

// grantedAllLocked takes the OK to a request for several locks: all of them, or what there is is
// given back.
func (c *Client) grantedAllLocked(k *call, f *wire.Frame) {
	var holds []*Hold
	var err error
	if len(f.Names) != len(f.Contenders) {
		err = ErrUnsupported
	}
	for i := 0; err == nil && i < len(f.Names); i++ {
		var h *Hold
		at := &f.Contenders[i]
		if h, err = c.heldLocked(k, &Hold{name: f.Names[i], token: Token(at.Token), since: millis(at.SinceMS)}); err == nil {
			holds = append(holds, h)
		}
	}
	if err != nil {
		for _, h := range holds {
			delete(h.session.holds, h.key())
			h.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased))
			h.tell()
		}
		c.settleLocked(k, err)
		c.undoLocked(k)
		return
	}
	k.holds = holds
	c.settleLocked(k, nil)
}

// A MultiHold is several locks that are held together, until Unlock is called or one of them is
// lost. Its methods are safe for concurrent use.
type MultiHold struct {
	client *Client
	holds  []*Hold

	ctx  func() context.Context // made when it is asked for
	lost func() <-chan struct{} // likewise
}

func newMultiHold(c *Client, holds []*Hold) *MultiHold {
	m := &MultiHold{client: c, holds: holds}
	m.ctx = sync.OnceValue(func() context.Context {
		ctx, cancel := context.WithCancelCause(holds[0].Context())
		look := func() {
			if err := m.Err(); err != nil {
				cancel(err)
			}
		}
		for _, h := range holds[1:] {
			context.AfterFunc(h.Context(), look)
		}
		return &lifeContext{inner: ctx, look: look}
	})
	m.lost = sync.OnceValue(func() <-chan struct{} {
		lost := make(chan struct{})
		var once sync.Once
		for _, h := range holds {
			context.AfterFunc(h.Context(), func() {
				if isLoss(h.Err()) {
					once.Do(func() { close(lost) })
				}
			})
		}
		return lost
	})
	return m
}

// Holds returns the hold of each lock, in the order of their names.
func (m *MultiHold) Holds() []*Hold { return slices.Clone(m.holds) }

// Token returns the fencing token of the lock called name; 0 where it is none of these.
func (m *MultiHold) Token(name string) Token {
	for _, h := range m.holds {
		if h.name == name {
			return h.token
		}
	}
	return 0
}

// Context returns a context that ends when one of the holds is over; see [Hold.Context]. The others
// may be held still: Unlock gives them back.
func (m *MultiHold) Context() context.Context { return m.ctx() }

// Lost returns a channel that is closed when one of the holds is lost; an Unlock does not close it.
func (m *MultiHold) Lost() <-chan struct{} { return m.lost() }

// Session returns the session that holds.
func (m *MultiHold) Session() *Session { return m.holds[0].session }

// Deadline returns the earliest of the holds'; see [Hold.Deadline]. It is the zero time once one of
// them is over.
func (m *MultiHold) Deadline() time.Time {
	first := m.holds[0].Deadline()
	for _, h := range m.holds[1:] {
		if d := h.Deadline(); d.Before(first) {
			first = d
		}
	}
	return first
}

// Err returns nil while all locks are held, and then why the first of them is not. It looks at the
// clock.
func (m *MultiHold) Err() error {
	for _, h := range m.holds {
		if err := h.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Unlock ends all holds and releases the locks, in one request where none was lost. Otherwise it is
// as [Hold.Unlock]; the error joins those of the locks.
func (m *MultiHold) Unlock(ctx context.Context) error {
	if m.Err() != nil || slices.ContainsFunc(m.holds, func(h *Hold) bool { return h.token != m.holds[0].token }) {
		return m.unlockEach(ctx)
	}
	k := m.client.newCall(m.holds[0].session)
	k.frame.Kind, k.frame.Token = wire.ReleaseAll, int64(m.holds[0].token)
	for _, h := range m.holds {
		k.frame.Names = append(k.frame.Names, h.name)
		h.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased))
		h.phase.CompareAndSwap(phaseHeld, phaseReleasing)
		h.tell()
	}
	err := m.client.submit(k)
	if err == nil {
		if err := m.client.await(ctx, k); err != nil {
			return fmt.Errorf("unlock: %w: %w", ErrUncertain, err)
		}
		err = k.err
	}
	if err != nil {
		return m.unlockEach(ctx) // tells of each what became of it
	}
	for _, h := range m.holds {
		_ = m.client.released(h, nil, true) // nothing is wrong with it
	}
	return nil
}

func (m *MultiHold) unlockEach(ctx context.Context) error {
	var errs []error
	for _, h := range m.holds {
		errs = append(errs, h.Unlock(ctx))
	}
	return errors.Join(errs...)
}
