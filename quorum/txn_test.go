package quorum_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

func TestTxnGuards(t *testing.T) {
	m := quorumtest.StartOne(t)
	first := put(t, m, "a", "1")
	second := put(t, m, "a", "2")
	for _, tt := range []struct {
		name   string
		guards []quorum.Guard
		want   bool
	}{
		{"none", nil, true},
		{"absent key", []quorum.Guard{quorum.ModRevisionIs("no", 0)}, true},
		{"absent key by version", []quorum.Guard{quorum.VersionIs("no", 0)}, true},
		{"absent key wanted present", []quorum.Guard{quorum.ModRevisionIs("no", 1)}, false},
		{"present key wanted absent", []quorum.Guard{quorum.ModRevisionIs("a", 0)}, false},
		{"present key by version wanted absent", []quorum.Guard{quorum.VersionIs("a", 0)}, false},
		{"current revision", []quorum.Guard{quorum.ModRevisionIs("a", second)}, true},
		{"former revision", []quorum.Guard{quorum.ModRevisionIs("a", first)}, false},
		{"current version", []quorum.Guard{quorum.VersionIs("a", 2)}, true},
		{"former version", []quorum.Guard{quorum.VersionIs("a", 1)}, false},
		{"one of two fails", []quorum.Guard{quorum.VersionIs("a", 2), quorum.ModRevisionIs("a", first)}, false},
		{"both hold", []quorum.Guard{quorum.VersionIs("a", 2), quorum.ModRevisionIs("a", second)}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := m.Revision()
			res, err := m.Txn(t.Context(), quorum.Txn{Guards: tt.guards, Ops: []quorum.Op{{Key: "b", Value: []byte(tt.name)}}})
			want := quorum.TxnResult{Committed: tt.want, Revision: before}
			if tt.want {
				want.Revision++
			}
			if err != nil || res != want || m.Revision() != want.Revision {
				t.Errorf("Txn = %+v, %v, revision %d; want %+v", res, err, m.Revision(), want)
			}
		})
	}
}

func TestTxnChangesTogether(t *testing.T) {
	m := quorumtest.StartOne(t)
	put(t, m, "gone", "x")
	res, err := m.Txn(t.Context(), quorum.Txn{Ops: []quorum.Op{
		{Key: "b", Value: []byte("2")}, {Key: "gone", Delete: true}, {Key: "a", Value: []byte("1")}, {Key: "never", Delete: true},
	}})
	if err != nil || res != (quorum.TxnResult{Committed: true, Revision: 3}) {
		t.Fatalf("Txn = %+v, %v", res, err)
	}
	got, _, err := contents(t.Context(), m, "", 0)
	if want := []string{"a=1@3", "b=2@3"}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("contents = %q, %v; want %q", got, err, want)
	}
}

func TestTxnRefusals(t *testing.T) {
	m := quorumtest.StartOne(t)
	before := m.Revision()
	large := quorum.Txn{Ops: []quorum.Op{{Key: "a", Value: make([]byte, quorum.MaxTxnBytes)}}}
	if _, err := m.Txn(t.Context(), large); !errors.Is(err, quorum.ErrTooLarge) {
		t.Errorf("Txn of more than MaxTxnBytes = %v; want ErrTooLarge", err)
	}
	if _, err := m.Txn(t.Context(), quorum.Txn{}); !errors.Is(err, quorum.ErrDropped) {
		t.Errorf("Txn without operations = %v; want ErrDropped", err)
	}
	if got := m.Revision(); got != before {
		t.Errorf("revision = %d after refusals; want %d", got, before)
	}
	almost := quorum.Txn{Ops: []quorum.Op{{Key: "a", Value: make([]byte, quorum.MaxTxnBytes-1024)}}}
	if res, err := m.Txn(t.Context(), almost); err != nil || !res.Committed {
		t.Errorf("Txn just below MaxTxnBytes = %+v, %v", res, err)
	}
}

func TestTxnUnknown(t *testing.T) {
	members := quorumtest.StartThree(t)
	leader := quorumtest.Leader(t, members[:]...)
	op := quorum.Txn{Ops: []quorum.Op{{Key: "a", Value: []byte("1")}}}

	cut(leader, members[:])
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	start := time.Now()
	_, err := leader.Txn(ctx, op)
	if !errors.Is(err, quorum.ErrUnknown) || !errors.Is(err, stop) || time.Since(start) > time.Second {
		t.Errorf("Txn without quorum = %v after %v; want ErrUnknown and the context's cause at once", err, time.Since(start))
	}
	if err := leader.ReadIndex(ctx); !errors.Is(err, stop) {
		t.Errorf("ReadIndex without quorum = %v; want the context's cause", err)
	}

	// The others go on; the one that was cut off learns what they did.
	var others []*quorum.Member
	for _, m := range members {
		if m != leader {
			others = append(others, m)
		}
	}
	next := quorumtest.Leader(t, others...)
	rev := put(t, next, "b", "2")
	mend(leader, members[:])
	quorumtest.Eventually(t, "the old leader catches up", func() bool { return leader.Revision() >= rev })
	quorumtest.Leader(t, members[:]...)

	quorumtest.Close(t, leader)
	if _, err := leader.Txn(t.Context(), op); !errors.Is(err, quorum.ErrUnknown) {
		t.Errorf("Txn after Close = %v; want ErrUnknown", err)
	}
	if err := leader.ReadIndex(t.Context()); err == nil {
		t.Error("ReadIndex after Close = nil")
	}
}

// cut drops all traffic between m and the others, mend restores it.
func cut(m *quorum.Member, all []*quorum.Member) {
	for _, other := range all {
		if other != m {
			m.CutPeer(other.ID())
			other.CutPeer(m.ID())
		}
	}
}

func mend(m *quorum.Member, all []*quorum.Member) {
	for _, other := range all {
		if other != m {
			m.MendPeer(other.ID())
			other.MendPeer(m.ID())
		}
	}
}
