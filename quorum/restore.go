package quorum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.etcd.io/etcd/pkg/v3/traceutil"
	"go.etcd.io/etcd/server/v3/lease"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
)

// RevisionBump is by how much one restore raises the revision: more than a cluster commits in years
// after its snapshot was taken, and so small that thousands of restores stay below 2^53.
const RevisionBump = int64(1) << 40

// ErrDataDirUsed is returned by [Restore] for a data directory that is not empty.
var ErrDataDirUsed = errors.New("the data directory is not empty")

// A Restoration says what [Restore] makes of a snapshot.
type Restoration struct {
	Snapshot string // the file

	// Bumps is how many times RevisionBump the revision is raised, at least once. A snapshot that
	// is restored again, after a cluster restored from it has run, needs one more.
	Bumps int64

	// Ops are made in one transaction on top of the snapshot; there may be none.
	Ops []Op
}

// Restore makes, from a snapshot, the data directory of cfg's member of a new cluster: the same
// keys, another history. The cluster's members are those of cfg.InitialCluster, or this one alone,
// and each of them is restored from the same file, with the same Restoration; they differ from
// every earlier cluster, at the same addresses too, so that members that were forgotten there are
// not taken for theirs. The data directory appears whole or not at all. It returns the new
// cluster's first revision. Errors: ErrSnapshot, ErrDataDirUsed, those of [Config.Validate].
func Restore(ctx context.Context, cfg Config, from Restoration) (revision int64, err error) {
	r, err := cfg.resolve()
	if err != nil {
		return 0, err
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := OpenSnapshot(ctx, from.Snapshot)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if names, err := os.ReadDir(r.DataDir); err == nil && len(names) > 0 {
		return 0, fmt.Errorf("%s: %w", r.DataDir, ErrDataDirUsed)
	}

	dir := filepath.Clean(r.DataDir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return 0, fmt.Errorf("make the data directory: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".restore-")
	if err != nil {
		return 0, fmt.Errorf("make the data directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(work))
		}
	}()
	bumps := max(from.Bumps, 1)
	revision, err = r.rewrite(snapshot.RestoreConfig{
		SnapshotPath: from.Snapshot, Name: r.Name, OutputDataDir: work,
		PeerURLs: []string{r.peerAdvertise.String()}, InitialCluster: r.initialCluster(),
		InitialClusterToken: fmt.Sprintf("%s-%x-%d", clusterToken, s.Checksum[:8], bumps),
		RevisionBump:        uint64(bumps * RevisionBump), MarkCompacted: true,
	}, from.Ops)
	switch {
	case err != nil:
		return 0, fmt.Errorf("restore: %w", err)
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	}
	if err := os.Rename(work, dir); err != nil {
		return 0, fmt.Errorf("make the data directory: %w", err)
	}
	return revision, syncDir(filepath.Dir(dir))
}

// rewrite lets etcd make the data directory, and puts ops on top. Where etcd cannot go on, with a
// full disk for example, it ends the goroutine that asked, or panics: so it gets one of its own.
func (r *resolved) rewrite(config snapshot.RestoreConfig, ops []Op) (int64, error) {
	f := newFate()
	log := newZap(r.Logger, f)
	type rewritten struct {
		revision int64
		err      error
	}
	result := make(chan rewritten, 1)
	go func() { // waited for below
		res := rewritten{err: ErrStopped}
		defer func() {
			if p := recover(); p != nil {
				res.err = fmt.Errorf("%w: %v", ErrStopped, p)
			}
			result <- res
		}()
		if err := snapshot.NewV3(log).Restore(config); err != nil {
			res.err = err
			return
		}
		db := backend.DefaultBackendConfig(log)
		db.Path = filepath.Join(config.OutputDataDir, "member", "snap", "db")
		res.revision = putOnTop(backend.New(db), ops)
		res.err = nil
	}()
	res := <-result
	return res.revision, errors.Join(res.err, f.cause())
}

// putOnTop makes ops the newest transaction of the database, and closes it.
func putOnTop(b backend.Backend, ops []Op) (revision int64) {
	defer b.Close()
	kv := mvcc.NewStore(nil, b, &lease.FakeLessor{}, mvcc.StoreConfig{CompactionBatchLimit: compactionBatch, CompactionSleepInterval: compactionPause})
	defer kv.Close()
	tx := kv.Write(traceutil.TODO())
	for _, op := range ops {
		if op.Delete {
			tx.DeleteRange([]byte(op.Key), nil)
		} else {
			tx.Put([]byte(op.Key), op.Value, lease.NoLease)
		}
	}
	tx.End()
	kv.Commit()
	return kv.Rev()
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
