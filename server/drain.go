package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/quorum"
)

// A member that is asked to stop lets go of its duties before it closes anything: others lead then,
// its clients go to others, and what it has begun is finished. Each step has an end of its own; a
// hurry ends them all.

// hurried returns a context that ends after d, or in a hurry.
func (m *member) hurried(d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	if m.cfg.Hurry == nil {
		return ctx, cancel
	}
	stop := make(chan struct{})
	m.wg.Go(func() {
		select {
		case <-m.cfg.Hurry:
			cancel()
		case <-stop:
		}
	})
	return ctx, sync.OnceFunc(func() { close(stop); cancel() })
}

// handOverTimeout bounds the hand-over of leadership while the doors are open.
const handOverTimeout = 5 * time.Second

// leave says that this member is about to stop, while it serves as before: probes are told, somebody
// else becomes the leader, and whoever has to notice has time for it.
func (m *member) leave() {
	begun := time.Now()
	m.api.Leave()
	m.handOver()
	if m.cfg.DrainDelay == 0 {
		return
	}
	ctx, cancel := m.hurried(m.cfg.DrainDelay - time.Since(begun))
	defer cancel()
	<-ctx.Done()
	m.handOver() // it may have come back meanwhile
}

// handOver gives leadership away, and waits until this member's requests go to the new leader: none of
// them then meets an election.
func (m *member) handOver() {
	if !m.quorum.IsLeader() {
		return
	}
	ctx, cancel := m.hurried(handOverTimeout)
	defer cancel()
	begun := time.Now()
	err := m.quorum.TransferLeadership(ctx)
	if err == nil {
		err = m.store.Pass(ctx)
	}
	switch {
	case err == nil:
		m.log.Info("leadership was handed over", "took", time.Since(begun))
	case !errors.Is(err, quorum.ErrAlone):
		m.log.Warn("leadership was not handed over", "err", err)
	}
}

// closeDoors lets the clients go, through both doors at the same time, and closes these. What is not
// finished in time is cut.
func (m *member) closeDoors() (err error) {
	ctx, cancel := m.hurried(m.cfg.DrainTimeout)
	defer cancel()
	begun := time.Now()
	var doors sync.WaitGroup
	if m.http != nil {
		doors.Go(func() { err = m.http.Close(ctx) })
	}
	if m.zk != nil {
		m.zk.Drain(ctx)
	}
	doors.Wait()
	if m.quorum != nil && m.quorum.Err() == nil {
		m.locks.Finish(ctx)
		m.barriers.Finish(ctx)
	}
	if m.zk != nil {
		m.zk.Close()
	}
	if err != nil && ctx.Err() != nil {
		m.log.Warn("clients were cut that had not gone in time", "err", err)
		err = nil
	}
	m.log.Debug("doors are closed", "took", time.Since(begun))
	return err
}
