package quorum

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Close stops the member: background work and compaction first, then watches and reads, then
// it gives leadership away, ends the calls on its client listener, and closes etcd. Calls to
// Txn and ReadIndex that are under way end with an error. If ctx ends first, the rest goes on
// in the background and Close returns ctx's cause: the data is safe, but the addresses and the
// data directory may not be free yet. A second call waits for the first one and returns its
// error.
func (m *Member) Close(ctx context.Context) error {
	m.closeOnce.Do(func() { m.closeErr = m.close(ctx) })
	return m.closeErr
}

func (m *Member) close(ctx context.Context) error {
	m.mu.Lock()
	m.closing = true
	m.mu.Unlock()
	m.cancel(ErrClosed)

	if err := waitGroups(ctx, &m.tasks, &m.uses); err != nil {
		return fmt.Errorf("close member %q: %w", m.cfg.Name, err)
	}
	if m.fate.cause() == nil && m.IsLeader() {
		if err := m.TransferLeadership(ctx); err != nil && !errors.Is(err, ErrAlone) {
			m.log.Warn("leadership was not handed over", "err", err)
		}
	}

	m.mu.Lock()
	servers := m.grpc
	m.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, s := range servers {
			s.Stop() // etcd would wait for open streams for as long as a request may take
		}
		m.server.HardStop() // before Close, which waits without end for a listener that never served
		m.etcd.Close()
		m.tidy()
	}()
	select {
	case <-done:
		m.fate.settle(nil)
		return nil
	case <-ctx.Done():
		m.fate.settle(nil)
		return fmt.Errorf("close member %q: %w", m.cfg.Name, context.Cause(ctx))
	}
}

// waitGroups waits for all groups, or until ctx ends.
func waitGroups(ctx context.Context, groups ...*sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, g := range groups {
			g.Wait()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
