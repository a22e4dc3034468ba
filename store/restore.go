package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// RestoreEpochs is by how much one restore raises the epoch: more takeovers than a cluster sees
// after its snapshot was taken. Zxids, and so tokens, are then above all that were given.
const RestoreEpochs = 1024

// A Survey is what a snapshot holds.
type Survey struct {
	Cluster  uint64 // the cluster's id; 0: it has never had a writer
	Epoch    uint64
	Revision int64
	Tree     *znode.Tree // for reading only

	cards []string // keys
}

// Surveyed reads all of a snapshot. An error means that a member could not read it either.
func Surveyed(ctx context.Context, f *quorum.SnapshotFile) (*Survey, error) {
	r := newReplica(func() int64 { return time.Now().UnixMilli() })
	s := &Survey{}
	var err error
	s.Revision, err = f.Range(ctx, record.Prefix, 0, func(key string, value []byte, modRev int64) error {
		if kind, _, _ := record.ParseKey(key); kind == record.CardKind {
			s.cards = append(s.cards, key)
		}
		return r.load(key, value, modRev)
	})
	if err == nil {
		err = r.tree.Finish()
	}
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	s.Cluster, s.Epoch, s.Tree = r.at.Identity.ID, r.at.Epoch.Number, r.tree
	return s, nil
}

// Restored returns the operations that take the snapshot's tree into a new life, times RestoreEpochs
// ahead, and the epoch that the first writer there is going to be above: the epoch and the guard are
// put, and the cards of the old members go. Everything else stays, the sessions included: those that
// do not come back end by their TTL after the first takeover.
func (s *Survey) Restored(times int64) (ops []quorum.Op, epoch uint64, err error) {
	epoch = s.Epoch + uint64(times)*RestoreEpochs
	if times < 1 || epoch+RestoreEpochs >= maxEpoch {
		return nil, 0, fmt.Errorf("epoch %d, raised %d times, leaves none: it must stay below %d", s.Epoch, times, maxEpoch)
	}
	ops = []quorum.Op{
		{Key: record.EpochKey, Value: record.AppendEpoch(nil, record.Epoch{Number: epoch})},
		{Key: record.GuardKey, Value: record.AppendGuard(nil, record.Guard{Epoch: epoch, Zxid: int64(epoch) * zxidCounter})},
	}
	for _, key := range s.cards {
		ops = append(ops, quorum.Op{Key: key, Delete: true})
	}
	return ops, epoch, nil
}
