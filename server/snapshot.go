package server

import (
	"bufio"
	"context"
	enc "encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A SnapshotInfo is what a snapshot holds, and, of a restored one, where that has come to.
type SnapshotInfo struct {
	File     string `json:"file"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	Cluster  string `json:"cluster,omitempty"` // the cluster's id; empty: it has never had a writer
	Epoch    uint64 `json:"epoch"`
	Revision int64  `json:"revision"`
	Znodes   int    `json:"znodes"`
	Sessions int    `json:"sessions"`
	Locks    int    `json:"locks"` // held or waited for

	DataDir          string `json:"data_dir,omitempty"`
	RestoredEpoch    uint64 `json:"restored_epoch,omitempty"`
	RestoredRevision int64  `json:"restored_revision,omitempty"`
}

// VerifySnapshot checks that the file is a whole snapshot whose tree can be read, and tells what it
// holds. It ends early with ctx.
func VerifySnapshot(ctx context.Context, file string) (SnapshotInfo, error) {
	info, _, err := survey(ctx, file)
	return info, err
}

func survey(ctx context.Context, file string) (info SnapshotInfo, s *store.Survey, err error) {
	f, err := quorum.OpenSnapshot(ctx, file)
	if err != nil {
		return info, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if s, err = store.Surveyed(ctx, f); err != nil {
		return info, nil, fmt.Errorf("snapshot %s: %w", file, err)
	}
	info = SnapshotInfo{
		File: file, Bytes: f.Size, SHA256: enc.EncodeToString(f.Checksum[:]),
		Epoch: s.Epoch, Revision: s.Revision, Znodes: s.Tree.Len(), Sessions: s.Tree.NumSessions(), Locks: countLocks(s.Tree),
	}
	if s.Cluster != 0 {
		info.Cluster = hex(s.Cluster)
	}
	return info, s, nil
}

// writeSnapshot writes the database to w, after waiting until it is as fresh as is asked for.
func (m *member) writeSnapshot(ctx context.Context, fresh lock.Read, w io.Writer) error {
	wait, cancel := context.WithTimeout(ctx, m.cfg.Limits.RequestTimeout)
	defer cancel()
	if err := m.store.Fresh(wait, fresh); err != nil {
		return err
	}
	start := time.Now()
	// Buffered: the database writes 32 KiB at a time, each with a deadline of its own.
	buffered := bufio.NewWriterSize(w, 256<<10)
	n, err := m.quorum.Snapshot(ctx, buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		m.log.Info("snapshot was written", "bytes", n, "took", time.Since(start))
	}
	return err
}

// countLocks counts the locks that are held or waited for in a tree.
func countLocks(t *znode.Tree) int {
	l := lock.New(lock.Config{})
	l.Rebuilt(t, 0)
	return l.Len()
}

// RestoreSnapshot makes, from a snapshot, the data directory of the member that cfg describes, which
// is then started with [Run]. before is how many times this snapshot, or an older one of the same
// cluster, has been restored before. It ends early with ctx, and then leaves nothing behind.
func RestoreSnapshot(ctx context.Context, cfg Config, file string, before int) (SnapshotInfo, error) {
	if err := cfg.Validate(); err != nil {
		return SnapshotInfo{}, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	info, s, err := survey(ctx, file)
	if err != nil {
		return info, err
	}
	from := quorum.Restoration{Snapshot: file, Bumps: int64(before) + 1}
	if from.Ops, info.RestoredEpoch, err = s.Restored(from.Bumps); err != nil {
		return info, err
	}
	m := &member{cfg: cfg, log: cfg.Logger}
	info.DataDir = cfg.DataDir
	info.RestoredRevision, err = quorum.Restore(ctx, m.quorumConfig(), from)
	return info, err
}
