package membertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/znode"
)

// CutOff drops all raft traffic between m and the others, in both directions, until Heal. The
// forwarding streams stay: a leader that is cut off can still be asked.
func CutOff(m *Member) {
	for _, o := range m.others {
		m.Quorum.CutPeer(o.Quorum.ID())
		o.Quorum.CutPeer(m.Quorum.ID())
	}
}

// Heal undoes CutOff.
func Heal(m *Member) {
	for _, o := range m.others {
		m.Quorum.MendPeer(o.Quorum.ID())
		o.Quorum.MendPeer(m.Quorum.ID())
	}
}

// Leader waits until one of members leads and all of them know it.
func Leader(tb testing.TB, members ...*Member) *Member {
	tb.Helper()
	list := make([]*quorum.Member, len(members))
	for i, m := range members {
		list[i] = m.Quorum
	}
	leader := quorumtest.Leader(tb, list...)
	for _, m := range members {
		if m.Quorum == leader {
			return m
		}
	}
	panic("not reached")
}

// Follower returns one of members that does not lead.
func Follower(tb testing.TB, members ...*Member) *Member {
	tb.Helper()
	leader := Leader(tb, members...)
	for _, m := range members {
		if m != leader {
			return m
		}
	}
	tb.Fatal("no follower")
	return nil
}

// MoveLeader hands leadership to another member of the cluster, the next in turn, and returns
// it. A move that fails, as it may while others take place, is no error: the caller looks again.
func MoveLeader(ctx context.Context, members []*Member) *Member {
	for i, m := range members {
		if m.Quorum.IsLeader() {
			next := members[(i+1)%len(members)]
			short, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			if m.Quorum.MoveLeader(short, next.Quorum.ID()) == nil {
				return next
			}
			return nil
		}
	}
	return nil
}

// Flap moves leadership around every pause until ctx ends, and returns how often it moved.
func Flap(ctx context.Context, members []*Member, pause time.Duration) (moves int) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if MoveLeader(ctx, members) != nil {
				moves++
			}
		case <-ctx.Done():
			return moves
		}
	}
}

// Same waits until the trees of all members are at one revision, and fails the test where they
// differ there.
func Same(tb testing.TB, members ...*Member) {
	tb.Helper()
	var diff string
	quorumtest.Eventually(tb, "the same revision everywhere", func() bool {
		first, revision := contents(members[0])
		for _, m := range members[1:] {
			other, at := contents(m)
			if at != revision {
				return false
			}
			if diff = compare(first, other); diff != "" {
				diff = members[0].Name() + " and " + m.Name() + " at the same revision: " + diff
				return true
			}
		}
		return true
	})
	if diff != "" {
		tb.Fatal(diff)
	}
}

// contents is what a member's tree holds, by path.
func contents(m *Member) (nodes map[string]znode.Stat, revision int64) {
	nodes = map[string]znode.Stat{}
	m.Store.View(func(t *znode.Tree, at int64) {
		revision = at
		for n := range t.All() {
			nodes[n.Path()] = n.Stat()
		}
	})
	return nodes, revision
}

func compare(a, b map[string]znode.Stat) string {
	for path, stat := range a {
		if other, ok := b[path]; !ok || other != stat {
			return path + " differs"
		}
	}
	if len(a) != len(b) {
		return "one has znodes that the other lacks"
	}
	return ""
}

// Outrun writes revisions that are not ours, and waits until the log is compacted past all but
// the last, so that a member that is cut off comes back to a gap. The members must have been
// started with few KeepRevisions and a short CompactEvery.
func Outrun(tb testing.TB, m *Member) {
	tb.Helper()
	const writers, each = 32, 190 // more entries than raft keeps for a member to catch up with
	ctx := Context(tb, 4*quorumtest.Patience)
	var wg sync.WaitGroup
	for w := range writers {
		txn := quorum.Txn{Ops: []quorum.Op{{Key: fmt.Sprintf("foreign/%d", w)}}}
		wg.Go(func() {
			for done := 0; done < each && ctx.Err() == nil; {
				if r, err := m.Quorum.Txn(ctx, txn); err == nil && r.Committed {
					done++ // an election in between is nothing to us
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		tb.Fatal("this machine is too slow to outrun a member")
	}
	at := m.Quorum.Revision()
	quorumtest.Eventually(tb, "the compaction", func() bool { return m.Quorum.Status().CompactedRevision > at-1000 })
}
