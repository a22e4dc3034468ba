package sdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// An RWMutex is a lock that is held by one writer or by any number of readers. Readers and writers
// stand in one line, first come first served, together with those who want the lock of that name
// for themselves by a [Mutex]: neither readers nor writers starve. It is the same lock as Curator's
// InterProcessReadWriteLock of that path. Its methods are safe for concurrent use.
//
// There is no way from reading to writing: two readers who both wait for that wait for each other
// for ever. Release, and Lock.
type RWMutex struct {
	read, write *Mutex
}

// The modes of the stream.
const (
	modeRead  = "read"
	modeWrite = "write"
)

// RWMutex returns the lock of that name, to be held by the client's own session. It asks nobody.
func (c *Client) RWMutex(name string, opts ...LockOption) *RWMutex {
	return newRWMutex(c, nil, name, opts)
}

// RWMutex returns the lock of that name, to be held by this session. It asks nobody.
func (s *Session) RWMutex(name string, opts ...LockOption) *RWMutex {
	return newRWMutex(s.client, s, name, opts)
}

func newRWMutex(c *Client, s *Session, name string, opts []LockOption) *RWMutex {
	m := &RWMutex{read: newMutex(c, s, name, opts), write: newMutex(c, s, name, opts)}
	m.read.cfg.mode, m.write.cfg.mode = modeRead, modeWrite
	return m
}

// Name returns the lock's name.
func (m *RWMutex) Name() string { return m.read.name }

// Lock waits until the lock is held to write; otherwise it is as [Mutex.Lock].
func (m *RWMutex) Lock(ctx context.Context) (*Hold, error) { return m.write.Lock(ctx) }

// TryLock takes the lock to write if nobody holds it or waits for it; otherwise it is as
// [Mutex.TryLock].
func (m *RWMutex) TryLock(ctx context.Context) (*Hold, error) { return m.write.TryLock(ctx) }

// RLock waits until the lock is held to read; otherwise it is as [Mutex.Lock].
func (m *RWMutex) RLock(ctx context.Context) (*Hold, error) { return m.read.Lock(ctx) }

// TryRLock takes the lock to read if nobody holds it, or waits for it, but other readers; otherwise
// it is as [Mutex.TryLock].
func (m *RWMutex) TryRLock(ctx context.Context) (*Hold, error) { return m.read.TryLock(ctx) }

// Downgrade turns a hold that Lock or TryLock gave out into one to read, without letting go: no
// writer gets in between. It returns the reader's hold, which has a token of its own; the writer's
// ends with [ErrReleased]. If ctx ends before the answer the error matches [ErrUncertain]: both end,
// and what the service has granted is released in the background. Other errors match [ErrLost] or
// [ErrNotHeld], and [ErrInput] for a hold that is not a writer's.
func (m *RWMutex) Downgrade(ctx context.Context, h *Hold) (*Hold, error) {
	reader, err := m.downgrade(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("downgrade %q: %w", m.Name(), err)
	}
	return reader, nil
}

func (m *RWMutex) downgrade(ctx context.Context, h *Hold) (*Hold, error) {
	c := h.session.client
	switch {
	case h.cfg.mode != modeWrite || h.name != m.Name():
		return nil, &InputError{Field: "hold", Problem: "is not one of this lock's Lock", Fix: "downgrade what Lock gave out"}
	case h.Err() != nil:
		return nil, h.Err()
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	k := c.newLockCall(h.session, m.read.cfg, wire.Downgrade, 0)
	k.frame.Name, k.frame.Token, k.values = h.name, int64(h.token), ctx
	if err := c.submit(k); err != nil {
		return nil, err
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		if c.abandonDowngrade(k, h) {
			return nil, fmt.Errorf("%w: %w", ErrUncertain, context.Cause(ctx))
		}
		<-k.done // its outcome came first
	}
	if k.err != nil && errors.Is(k.err, ErrInput) {
		return nil, k.err // the service has done nothing
	}
	if k.err != nil {
		return nil, errors.Join(k.err, h.Err())
	}
	c.replaced(h)
	return m.read.gave(k.hold), nil
}

// replaced ends a writer's hold that has become a reader's.
func (c *Client) replaced(h *Hold) {
	h.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased))
	h.phase.Store(phaseReleased)
	c.mu.Lock()
	delete(h.session.holds, h.key())
	c.mu.Unlock()
	h.tell()
}

// abandonDowngrade gives up waiting for a downgrade, and both holds with it. It reports false where
// the downgrade is settled already.
func (c *Client) abandonDowngrade(k *call, h *Hold) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.settled {
		return false
	}
	h.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased))
	h.phase.Store(phaseReleasing)
	k.settle = func(*wire.Frame, error) {
		release := &call{session: k.session, settle: func(*wire.Frame, error) { delete(h.session.holds, h.key()) }}
		release.frame = wire.Frame{Kind: wire.Release, Session: k.frame.Session, Name: h.name, Token: int64(h.token)}
		if reader := k.hold; reader != nil {
			reader.end(fmt.Errorf("lock %q: %w", h.name, ErrReleased))
			delete(h.session.holds, reader.key())
			release.frame.Token = int64(reader.token)
		}
		if k.session.phase != sessionOver {
			c.enterLocked(release)
		}
	}
	return true
}
