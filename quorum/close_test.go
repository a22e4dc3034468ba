package quorum_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// prompt is how long a close may take on a busy machine; etcd alone takes seven seconds where
// a stream is open or the quorum is lost.
const prompt = 3 * time.Second

func closePromptly(t *testing.T, m *quorum.Member) {
	t.Helper()
	start := time.Now()
	quorumtest.Close(t, m)
	if took := time.Since(start); took > prompt {
		t.Errorf("close took %v; want %v at most", took, prompt)
	}
}

func TestCloseWithoutQuorum(t *testing.T) {
	configs := quorumtest.Configs(t, 3)
	m := quorumtest.Start(t, configs[0])
	select {
	case <-m.Ready():
		t.Error("ready without a quorum")
	default:
	}
	if m.Leader() != 0 || m.IsLeader() {
		t.Errorf("leader without a quorum: %x", m.Leader())
	}
	closePromptly(t, m)
}

func TestCloseAfterLosingQuorum(t *testing.T) {
	members := quorumtest.StartThree(t)
	leader := quorumtest.Leader(t, members[:]...)
	cut(leader, members[:])
	result := make(chan error, 1)
	go func() {
		_, err := leader.Txn(t.Context(), quorum.Txn{Ops: []quorum.Op{{Key: "a"}}})
		result <- err
	}()
	closePromptly(t, leader)
	if err := <-result; !errors.Is(err, quorum.ErrUnknown) && !errors.Is(err, quorum.ErrDropped) {
		t.Errorf("Txn under way = %v; want ErrUnknown, or ErrDropped when the hand-over came first", err)
	}
}

func TestCloseHandsOver(t *testing.T) {
	members := quorumtest.StartThree(t)
	leader := quorumtest.Leader(t, members[:]...)
	term := leader.Term()
	var others []*quorum.Member
	for _, m := range members {
		if m != leader {
			others = append(others, m)
		}
	}
	closePromptly(t, leader)
	if next := quorumtest.Leader(t, others...); next.Status().Term > term+1 {
		t.Errorf("term went from %d to %d; want one hand-over", term, next.Status().Term)
	}
	put(t, others[0], "a", "1")
}

// TestHandOverPassesTheDead hands leadership over while one of the others does not run: without a time
// in which nothing can be proposed.
func TestHandOverPassesTheDead(t *testing.T) {
	members := quorumtest.StartThree(t)
	leader := quorumtest.Leader(t, members[:]...)
	var others []*quorum.Member
	for _, m := range members {
		if m != leader {
			others = append(others, m)
		}
	}
	quorumtest.Close(t, others[0])
	start := time.Now()
	if err := leader.TransferLeadership(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); leader.Leader() != others[1].ID() || took > 400*time.Millisecond { // a transfer to the dead is tried for 600 ms
		t.Errorf("%x leads after %v; want %x", leader.Leader(), took, others[1].ID())
	}
	quorumtest.Close(t, leader)
	if err := others[1].TransferLeadership(t.Context()); err != nil && !errors.Is(err, quorum.ErrCannotLead) {
		t.Errorf("with nobody else there: %v", err)
	}
}

// TestCloseUnderWork closes a member with everything that it can do under way.
func TestCloseUnderWork(t *testing.T) {
	cfg := quorumtest.Config(t, "m1")
	cfg.CompactEvery, cfg.KeepRevisions = 5*time.Millisecond, 10
	cfg.ServicePrefix = []string{"lockkeeper.test"}
	cfg.Register = func(s *grpc.Server) { s.RegisterService(&echo, struct{}{}) }
	m := quorumtest.Start(t, cfg)
	quorumtest.Ready(t, m)
	value := make([]byte, 1024)
	over := make(chan string, 4)
	go func() {
		for {
			if _, err := m.Txn(context.Background(), quorum.Txn{Ops: []quorum.Op{{Key: "a", Value: value}, {Key: "b", Value: value}}}); err != nil {
				over <- "txn"
				return
			}
		}
	}()
	go func() {
		for {
			_, err := m.Range(context.Background(), "", 0, func(string, []byte, int64) error { return nil })
			if err != nil && !errors.Is(err, quorum.ErrCompacted) {
				over <- "range"
				return
			}
		}
	}()
	go func() {
		for {
			if err := m.ReadIndex(context.Background()); err != nil {
				over <- "read index"
				return
			}
			m.Status()
			m.Members()
		}
	}()
	go func() {
		_ = m.KeepCard(context.Background(), "card", nil, time.Second)
		over <- "card"
	}()
	quorumtest.Eventually(t, "some compactions", func() bool { return m.CompactedRevision() > 500 })
	closePromptly(t, m)
	for range cap(over) {
		select {
		case <-over:
		case <-time.After(quorumtest.Patience):
			t.Fatal("a call goes on after Close")
		}
	}
	if s := m.Status(); s.Revision != 0 || s.SizeInUse != 0 {
		t.Errorf("status after Close: %+v", s)
	}
}

func TestSnapshot(t *testing.T) {
	m := quorumtest.StartOne(t)
	put(t, m, "a", "needle in a database")
	var buf bytes.Buffer
	n, err := m.Snapshot(t.Context(), &buf)
	if err != nil || n != int64(buf.Len()) {
		t.Fatalf("Snapshot = %d, %v; %d bytes arrived", n, err, buf.Len())
	}
	body, sum := buf.Bytes()[:n-sha256.Size], buf.Bytes()[n-sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:]) {
		t.Errorf("trailer = %x; want %x", sum, want)
	}
	if len(body)%512 != 0 || !bytes.Contains(body, []byte("needle")) {
		t.Errorf("%d bytes without what was put", len(body))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Snapshot(ctx, &buf); !errors.Is(err, context.Canceled) {
		t.Errorf("Snapshot = %v; want the end of its context", err)
	}
	if free, err := m.FreeDisk(); err != nil || free == 0 {
		t.Errorf("FreeDisk = %d, %v", free, err)
	}
}

// TestCompactionKeepsDatabaseFlat writes the same keys over and over.
func TestCompactionKeepsDatabaseFlat(t *testing.T) {
	cfg := quorumtest.Config(t, "m1")
	cfg.CompactEvery, cfg.KeepRevisions = 50*time.Millisecond, 100
	m := quorumtest.Start(t, cfg)
	quorumtest.Ready(t, m)
	value := make([]byte, 32<<10)
	write := func(n int) {
		for range n {
			put(t, m, "a", string(value))
		}
		quorumtest.Eventually(t, "a compaction", func() bool { return m.CompactedRevision() >= m.Revision()-100 })
	}
	write(500)
	before := m.SizeInUse()
	write(2000) // 64 MB
	quorumtest.Eventually(t, "a flat database", func() bool { return m.SizeInUse() < before+20<<20 })
}
