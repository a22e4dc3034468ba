package sdk

import (
	"context"
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
	m := &RWMutex{read: newMutex(c, s, name, ofRWMutex, opts), write: newMutex(c, s, name, ofRWMutex, opts)}
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

// Downgrade lets a hold that Lock or TryLock gave out go on to read, without letting go: no writer
// gets in between, and readers behind it come in. The hold keeps its token. It does nothing to one
// that is to read already. If ctx ends before the answer, the error matches [ErrUncertain]: the hold
// goes on, and whether others read beside it is not known; Downgrade may be repeated. Other errors:
// why the hold is over, where it is, and one that matches [ErrInput] for a hold that is not of this
// lock.
func (m *RWMutex) Downgrade(ctx context.Context, h *Hold) error {
	if err := m.downgrade(ctx, h); err != nil {
		return fmt.Errorf("downgrade %q: %w", m.Name(), err)
	}
	return nil
}

func (m *RWMutex) downgrade(ctx context.Context, h *Hold) error {
	c := h.session.client
	switch {
	case h.cfg.mode == "" || h.name != m.Name():
		return &InputError{Field: "hold", Problem: "is not one of this lock's Lock", Fix: "downgrade what Lock gave out"}
	case h.Err() != nil:
		return h.Err()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	k := c.newCall(h.session)
	k.frame.Kind, k.frame.Name, k.frame.Token = wire.Downgrade, h.name, int64(h.token)
	if err := c.submit(k); err != nil {
		return err
	}
	if h.again != nil {
		h.again.shut(h) // who locks again wants to write
	}
	if err := c.await(ctx, k); err != nil {
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	return k.err
}
