package quorum

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
)

// becomeReady closes m.ready once the member is a voter and has caught up.
func (m *Member) becomeReady() {
	select {
	case <-m.server.ReadyNotify():
	case <-m.ctx.Done():
		return
	}
	for {
		err := m.ReadIndex(m.ctx)
		if err == nil && !m.learner() {
			close(m.ready)
			m.log.Info("member is ready", "revision", m.Revision())
			return
		}
		if err == nil {
			err = m.promote()
		}
		if err == nil {
			continue // the read index waits until the promotion is applied here
		}
		m.log.Debug("member is not ready yet", "err", err)
		if !wait(m.ctx, pause) {
			return
		}
	}
}

// watchEnd settles the member's fate when etcd ends by itself.
func (m *Member) watchEnd() {
	err := m.awaitEnd()
	if err == nil {
		return
	}
	m.fate.settle(err)
	m.log.Error("member is over", "err", m.fate.cause())
}

func (m *Member) awaitEnd() error {
	for {
		select {
		case <-m.ctx.Done():
			return nil
		case <-m.fate.done:
			return m.fate.err
		case <-m.server.StopNotify():
			if m.ctx.Err() != nil {
				return nil
			}
			return m.why(nil)
		case err, ok := <-m.etcd.Err():
			if err != nil && m.ctx.Err() == nil {
				return m.why(err)
			}
			if !ok {
				return nil
			}
		}
	}
}

// why says why etcd has ended by itself, with err if it is not nil. A removal stands in the member's own
// log, too: one that is started again does not have to hear of it from a peer.
func (m *Member) why(err error) error {
	c, ok := m.server.Cluster().(interface{ IsIDRemoved(id types.ID) bool })
	switch {
	case m.fate.removed.Load(), ok && c.IsIDRemoved(m.server.MemberID()):
		return ErrRemoved
	case err != nil:
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	return ErrStopped
}

// Ready is closed once the member is a voter, has met a quorum, and has applied all that was
// committed then. It stays closed.
func (m *Member) Ready() <-chan struct{} { return m.ready }

// Stopped is closed when the member is over: after Close, or because etcd ended by itself.
// [Member.Err] says why. Such a member must still be closed.
func (m *Member) Stopped() <-chan struct{} { return m.fate.done }

// Err is nil while the member runs and after an ordinary Close. Otherwise it wraps ErrRemoved,
// ErrStopped, or what etcd could not go on after, such as a full disk.
func (m *Member) Err() error { return m.fate.cause() }

// enter keeps etcd open until leave is called, or returns ErrClosed or, etcd having ended by itself,
// ErrStopped.
func (m *Member) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing {
		return ErrClosed
	}
	select {
	case <-m.server.StoppingNotify():
		return ErrStopped // its database is closed, or about to be
	default:
	}
	m.uses.Add(1)
	return nil
}

func (m *Member) leave() { m.uses.Done() }

// until returns ctx, cancelled with ErrClosed when Close begins.
func (m *Member) until(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.ctx, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// wait reports false when ctx ends within d.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
