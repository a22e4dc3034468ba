package quorum

import (
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
)

// compactLoop compacts while this member leads. etcd's own way runs every five minutes, in
// which a busy lock service writes gigabytes.
func (m *Member) compactLoop() {
	tick := time.NewTicker(m.cfg.CompactEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-m.ctx.Done():
			return
		}
		if !m.IsLeader() {
			continue
		}
		if err := m.compact(); err != nil && m.ctx.Err() == nil {
			m.log.Warn("compaction was not started", "err", err)
		}
	}
}

// compact drops the revisions before the last KeepRevisions, unless an earlier pass is still
// at work. It does not wait for the pass: one that is waited for panics when etcd is closed.
func (m *Member) compact() error {
	current, compacted := m.revisions()
	to := current - m.cfg.KeepRevisions
	if to <= compacted || m.compacting(compacted) {
		return nil
	}
	ctx, cancel := context.WithTimeout(m.ctx, m.cfg.CompactEvery+m.cfg.Election)
	defer cancel()
	_, err := m.server.Compact(ctx, &etcdserverpb.CompactionRequest{Revision: to})
	return err
}

// compacting reports whether the pass up to revision compacted is still at work here.
func (m *Member) compacting(compacted int64) bool {
	if compacted == 0 || m.enter() != nil {
		return false
	}
	defer m.leave()
	tx := m.server.Backend().ReadTx()
	tx.RLock()
	defer tx.RUnlock()
	finished, ok := mvcc.UnsafeReadFinishedCompact(tx)
	return !ok || finished < compacted
}
