package quorum

import (
	"context"
	"errors"
	"fmt"
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
	servers := m.grpc
	m.mu.Unlock()
	m.cancel(ErrClosed)

	done := make(chan struct{})
	go func() { // waited for below, unless ctx ends first
		defer close(done)
		m.tasks.Wait()
		m.uses.Wait()
		m.handOver(ctx)
		m.fate.closing.Store(true)
		for _, s := range servers {
			s.Stop() // etcd would wait for open streams for as long as a request may take
		}
		m.server.HardStop() // before Close, which waits without end for a listener that never served
		m.etcd.Close()
		m.tidy()
	}()
	defer m.fate.settle(nil)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close member %q: %w", m.cfg.Name, context.Cause(ctx))
	}
}

// handOver gives leadership away, so that the others need no election.
func (m *Member) handOver(ctx context.Context) {
	if m.fate.cause() != nil {
		return
	}
	if err := m.TransferLeadership(ctx); err != nil && !errors.Is(err, ErrAlone) {
		m.log.Warn("leadership was not handed over", "err", err)
	}
}
