package quorum

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/pkg/v3/traceutil"
	etcderrors "go.etcd.io/etcd/server/v3/etcdserver/errors"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
)

// ErrCompacted is returned by [Member.Range] when the revision it reads is no longer kept.
var ErrCompacted = errors.New("revision has been compacted")

// ReadIndex returns once everything that any member had committed when it was called has been
// applied here. One round serves all who wait. A nil error does not say that this member
// leads: a follower's question goes to the leader. Without a quorum it returns an error when
// ctx ends, or after some seconds. It is safe for concurrent use.
func (m *Member) ReadIndex(ctx context.Context) error {
	for {
		err := m.server.LinearizableReadNotify(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("read index: %w", context.Cause(ctx))
		case !errors.Is(err, etcderrors.ErrLeaderChanged):
			return fmt.Errorf("read index: %w", err)
		}
	}
}

// Revision is that of the newest transaction applied here; 1 in an empty cluster, 0 after
// Close.
func (m *Member) Revision() int64 {
	rev, _ := m.revisions()
	return rev
}

// CompactedRevision is the oldest revision that can still be read; 0 before the first
// compaction and after Close.
func (m *Member) CompactedRevision() int64 {
	_, compacted := m.revisions()
	return compacted
}

func (m *Member) revisions() (current, compacted int64) {
	if m.enter() != nil {
		return 0, 0
	}
	defer m.leave()
	// A read transaction on the shared buffer: KV().Rev() copies the buffer at each call.
	tx := m.server.KV().Read(mvcc.SharedBufReadTxMode, traceutil.TODO())
	defer tx.End()
	return tx.Rev(), max(tx.FirstRev(), 0)
}

// A page of a range holds about so many bytes, and so many keys.
const (
	pageBytes = 4 << 20
	pageMin   = 16
	pageFirst = 256
	pageMax   = 10_000
)

// Range calls fn for every key that starts with prefix, in order, with its value and the
// revision that put it, all as of revision rev; 0 stands for the current one. It returns the
// revision that was read. What fn is given is its own to keep. No lock is held while fn runs;
// its first error ends the range and is returned as it is. ErrCompacted: rev, or the revision
// that was current at the start, is no longer kept. It reads what is applied here, so it can
// be behind other members; see [Member.ReadIndex].
func (m *Member) Range(ctx context.Context, prefix string, rev int64, fn func(key string, value []byte, modRev int64) error) (int64, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.leave()
	ctx, cancel := m.until(ctx)
	defer cancel()

	key, end := []byte(prefix), prefixEnd(prefix)
	if len(key) == 0 {
		key = []byte{0}
	}
	limit := pageFirst
	for {
		page, err := m.server.KV().Range(ctx, key, end, mvcc.RangeOptions{Limit: int64(limit), Rev: rev})
		if err != nil {
			return rev, rangeError(ctx, rev, err)
		}
		if rev <= 0 {
			rev = page.Rev
		}
		size := 0
		for _, kv := range page.KVs {
			size += len(kv.Key) + len(kv.Value)
			if err := fn(string(kv.Key), kv.Value, kv.ModRevision); err != nil {
				return rev, err
			}
		}
		n := len(page.KVs)
		if n < limit {
			return rev, nil
		}
		key = append(page.KVs[n-1].Key, 0)
		limit = min(max(pageBytes/(size/n+1), pageMin), pageMax)
	}
}

func rangeError(ctx context.Context, rev int64, err error) error {
	switch {
	case errors.Is(err, mvcc.ErrCompacted):
		return fmt.Errorf("range at %d: %w", rev, ErrCompacted)
	case ctx.Err() != nil:
		return fmt.Errorf("range: %w", context.Cause(ctx))
	default:
		return fmt.Errorf("range at %d: %w", rev, err)
	}
}

// prefixEnd is the first key after all that start with prefix; empty: there is none.
func prefixEnd(prefix string) []byte {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return []byte{}
}
