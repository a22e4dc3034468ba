package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestQuorumLost cuts every member from every other: what was sent is uncertain, what never left
// its member is not done, and after the cut all members agree.
func TestQuorumLost(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	leader := membertest.Leader(t, members...)
	for _, m := range members {
		served(t, m)
	}
	for _, m := range members {
		membertest.CutOff(m)
	}

	// The leader still believes to lead, and sends.
	_, err := leader.Store.Do(short(t, 100*time.Millisecond), create("/sent"))
	if !errors.Is(err, store.ErrUncertain) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a request that was sent: %v; want ErrUncertain", err)
	}
	late := make(chan error, 1)
	_, err = leader.Store.DoLate(short(t, 100*time.Millisecond), create("/late"), func(o znode.Outcome, err error) {
		if err == nil && o.Code != znode.OK {
			err = o.Code
		}
		late <- err
	})
	if !errors.Is(err, store.ErrUncertain) {
		t.Errorf("DoLate = %v; want ErrUncertain", err)
	}
	// Once nobody leads, nothing is sent.
	quorumtest.Eventually(t, "nobody leads", func() bool {
		for _, m := range members {
			if m.Quorum.Leader() != 0 {
				return false
			}
		}
		return true
	})
	for i, m := range members {
		_, err := m.Store.Do(short(t, 100*time.Millisecond), create(fmt.Sprintf("/unsent%d", i)))
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a request that was not sent: %v; want ErrUnavailable", err)
		}
		if err := m.Store.Sync(short(t, 100*time.Millisecond)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Sync = %v; want ErrUnavailable", err)
		}
	}
	for _, m := range members {
		membertest.Heal(m)
	}
	for _, m := range members {
		served(t, m)
	}
	if err := <-late; err != nil {
		t.Errorf("the late outcome: %v", err)
	}
	membertest.Same(t, members...)
	for i := range members {
		if _, ok := data(leader, fmt.Sprintf("/unsent%d", i)); ok {
			t.Errorf("/unsent%d was done although it was refused as not sent", i)
		}
	}
	if _, ok := data(leader, "/late"); !ok {
		t.Error("/late was told to be done and is not")
	}
}

// TestLeaderCutOff cuts the leader off from its peers while requests of its own are under way:
// they wait, and are done once after the cut.
func TestLeaderCutOff(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	leader := membertest.Leader(t, members...)
	served(t, leader)
	membertest.CutOff(leader)
	ctx := membertest.Context(t, quorumtest.Patience)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if out, err := leader.Store.Do(ctx, numbered("/cut/n")); err != nil || out.Code != znode.OK {
				t.Errorf("request %d: %v, %v", i, out.Code, err)
			}
		})
	}
	var rest []*membertest.Member
	for _, m := range members {
		if m != leader {
			rest = append(rest, m)
		}
	}
	quorumtest.Eventually(t, "another leader", func() bool {
		return rest[0].Quorum.IsLeader() || rest[1].Quorum.IsLeader()
	})
	for _, m := range rest {
		do(t, m, numbered("/cut/n"))
	}
	membertest.Heal(leader)
	wg.Wait()
	membertest.Same(t, members...)
	if n := len(children(rest[0], "/cut")); n != 22 {
		t.Errorf("%d znodes; want 22", n)
	}
}

// TestGap compacts the log past a member that is cut off.
func TestGap(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3, func(c *membertest.Config) {
		c.Quorum.CompactEvery, c.Quorum.KeepRevisions = 200*time.Millisecond, 10
	})
	for _, m := range members {
		served(t, m)
	}
	leader := membertest.Leader(t, members...)
	cut := membertest.Follower(t, members...)
	membertest.CutOff(cut)
	// A request of the cut-off member goes to the writer all the same, over the stream; its
	// answer is in the part of the log that this member will never see.
	uncertain := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		_, err := cut.Store.Do(t.Context(), create("/lost-in-the-gap"))
		uncertain <- err
	}()
	<-started
	quorumtest.Eventually(t, "the request to arrive", func() bool { _, ok := data(leader, "/lost-in-the-gap"); return ok })
	do(t, leader, create("/a/b"))
	do(t, leader, remove("/a/b"))
	do(t, leader, create("/a/c"))
	membertest.Outrun(t, leader)
	membertest.Heal(cut)

	if err := <-uncertain; !errors.Is(err, store.ErrUncertain) {
		t.Errorf("the request over the gap: %v; want ErrUncertain", err)
	}
	served(t, cut)
	if cut.Gaps() == 0 {
		t.Error("the gap was not told")
	}
	membertest.Same(t, members...)
	do(t, cut, create("/a/d"))
	membertest.Same(t, members...)
}

func TestRestart(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	do(t, members[0], &znode.Request{Ops: []znode.Op{{Kind: znode.OpOpen, Session: znode.Session{
		ID: 77, TTL: time.Minute, Labels: map[string]string{"who": "me"},
	}}}})
	do(t, members[1], &znode.Request{Session: 77, Ops: []znode.Op{{Kind: znode.OpCreate, Path: "/e", Node: znode.Ephemeral, ACL: znode.OpenACL}}})
	do(t, members[2], &znode.Request{Ops: []znode.Op{{Kind: znode.OpFence, Path: "f", Czxid: 12345}}})
	for i := range 20 {
		do(t, members[i%3], numbered("/n/x"))
	}
	membertest.Same(t, members...)
	before, _ := members[0].Store.Epoch(), 0
	identity := members[0].Store.Identity()
	stats := fmt.Sprint(children(members[0], "/n"))

	for range 2 {
		membertest.RestartAll(t, members)
		for _, m := range members {
			served(t, m)
		}
		membertest.Same(t, members...)
		if got := fmt.Sprint(children(members[0], "/n")); got != stats {
			t.Errorf("children %s; want %s", got, stats)
		}
		if now := members[0].Store.Epoch(); now <= before {
			t.Errorf("epoch %d after %d", now, before)
		} else {
			before = now
		}
		if members[0].Store.Identity() != identity {
			t.Error("another identity")
		}
		members[1].Store.View(func(tree *znode.Tree, _ int64) {
			if s, ok := tree.Session(77); !ok || s.Labels["who"] != "me" || tree.NumEphemerals(77) != 1 {
				t.Errorf("session %+v, %v", s, ok)
			}
			if f, _ := tree.Fence("f"); f != 12345 {
				t.Errorf("fence %d", f)
			}
		})
	}
	out := do(t, members[0], numbered("/n/x"))
	if seq, _ := znode.Sequence(out.Results[0].Path); seq != 20 {
		t.Errorf("the next number is %d; want 20", seq)
	}
}

// TestCounters starts where the sequence number passes 2^31 and where the zxids of an epoch end.
func TestCounters(t *testing.T) {
	t.Parallel()
	const creates = 1<<31 - 2
	m := membertest.One(t, func(c *membertest.Config) {
		c.Before = func(q *quorum.Member) {
			content := znode.Content{Data: []byte{}, ACL: znode.OpenACL}
			_, err := q.Txn(t.Context(), quorum.Txn{Ops: []quorum.Op{
				{Key: record.NodeKey("/big"), Value: record.AppendContent(nil, &content)},
				{Key: record.CountersKey("/big"), Value: record.AppendCounters(nil, znode.Counters{Creates: creates})},
			}})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for i := range int64(5) {
		out := do(t, m, numbered("/big/x"))
		if want := fmt.Sprintf("/big/x%010d", creates+i); out.Results[0].Path != want {
			t.Errorf("made %s; want %s", out.Results[0].Path, want)
		}
	}
	epoch := m.Store.Epoch()
	quorumtest.Eventually(t, "few zxids left", func() bool { return m.Store.LeaveZxids(1<<20 + 5) })
	last := int64(0)
	for range 40 {
		out := do(t, m, numbered("/big/x"))
		if out.Zxid <= last {
			t.Fatalf("zxid %x after %x", out.Zxid, last)
		}
		last = out.Zxid
	}
	if now := m.Store.Epoch(); now != epoch+1 {
		t.Errorf("epoch %d; want %d, raised by the writer", now, epoch+1)
	}
	// And where a batch begins with hardly any left.
	quorumtest.Eventually(t, "no zxids left", func() bool { return m.Store.LeaveZxids(3) })
	for range 10 {
		out := do(t, m, numbered("/big/x"))
		if out.Zxid <= last {
			t.Fatalf("zxid %x after %x", out.Zxid, last)
		}
		last = out.Zxid
	}
}
