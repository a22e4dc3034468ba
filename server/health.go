package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

const (
	healthEvery   = 500 * time.Millisecond
	healthTimeout = 2 * time.Second // a quorum that takes longer to answer counts as none
	healthLag     = 5000            // revisions behind which a tree counts as not caught up
)

// A health asks the quorum from time to time whether it is there.
type health struct {
	quorum   atomic.Bool
	caughtUp atomic.Bool
}

// watch asks until ctx ends.
func (h *health) watch(ctx context.Context, st *store.Store) {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		h.ask(ctx, st)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *health) ask(ctx context.Context, st *store.Store) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	err := st.Quorum(ctx)
	h.quorum.Store(err == nil)
	if err != nil {
		return
	}
	h.caughtUp.Store(st.Lag() < healthLag && st.Identity().ID != 0)
}

// healthNow is what probes are told.
func (m *member) healthNow() httpapi.Health {
	h := httpapi.Health{
		Quorum: m.health.quorum.Load(), CaughtUp: m.health.caughtUp.Load(),
		StorageFull: m.store.Full(), Member: m.cfg.Name,
		Revision: m.store.Revision(), Lag: m.store.Lag(),
	}
	leader := m.quorum.Leader()
	for _, info := range m.quorum.Members() {
		if info.ID == leader {
			h.Leader = info.Name
		}
	}
	if leader == 0 {
		h.Quorum = false
	}
	return h
}

// status is what operators are told.
func (m *member) status() httpapi.Status {
	h := m.healthNow()
	s := httpapi.Status{
		Member: h.Member, MemberID: hex(m.quorum.ID()), Version: m.cfg.Version, Leader: h.Leader,
		Epoch: int64(m.store.Epoch()), Revision: h.Revision, Locks: m.locks.Len(),
	}
	m.store.View(func(t *znode.Tree, _ int64) { s.Sessions = t.NumSessions() })
	s.Members = m.memberList()
	return s
}

func hex(id uint64) string { return fmt.Sprintf("%016x", id) }
