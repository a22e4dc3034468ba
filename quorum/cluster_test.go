package quorum_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

func TestMoveLeader(t *testing.T) {
	members := quorumtest.StartThree(t)
	ctx, cancel := context.WithTimeout(t.Context(), quorumtest.Patience)
	defer cancel()
	first := quorumtest.Leader(t, members[:]...)
	changed := first.LeaderChanged()
	for _, to := range members {
		if err := first.MoveLeader(ctx, to.ID()); err != nil {
			t.Fatalf("MoveLeader to %s: %v", to.Name(), err)
		}
		if got := quorumtest.Leader(t, members[:]...); got != to {
			t.Errorf("%s leads; want %s", got.Name(), to.Name())
		}
	}
	leader := quorumtest.Leader(t, members[:]...)
	if err := leader.TransferLeadership(ctx); err != nil {
		t.Fatal(err)
	}
	if got := quorumtest.Leader(t, members[:]...); got == leader {
		t.Errorf("%s still leads after TransferLeadership", got.Name())
	}
	if err := leader.TransferLeadership(ctx); err != nil {
		t.Errorf("TransferLeadership of a follower = %v; want nil", err)
	}
	select {
	case <-changed:
	case <-ctx.Done():
		t.Error("no change of leader was told")
	}
	if err := leader.MoveLeader(ctx, 42); err == nil {
		t.Error("MoveLeader to nobody = nil")
	}
}

func TestTransferLeadershipAlone(t *testing.T) {
	if err := quorumtest.StartOne(t).TransferLeadership(t.Context()); !errors.Is(err, quorum.ErrAlone) {
		t.Errorf("TransferLeadership = %v; want ErrAlone", err)
	}
}

func TestJoin(t *testing.T) {
	three := quorumtest.StartThree(t)
	first := quorumtest.Leader(t, three[:]...)
	rev := put(t, first, "a", "1")
	seed := first.Members()[0].ClientURLs[0]

	last := quorumtest.Config(t, "m4")
	last.Join = "127.0.0.1:1, " + seed
	m := quorumtest.Start(t, last)
	quorumtest.Ready(t, m)
	if s := m.Status(); s.Learner || !s.Ready || s.Revision < rev || s.ID != m.ID() || s.Leader != first.Leader() {
		t.Errorf("after joining: %+v", s)
	}
	members := append(three[:], m)
	rev = put(t, members[3], "b", "2")
	for _, m := range members {
		quorumtest.Eventually(t, m.Name()+" has the write", func() bool { return m.Revision() >= rev })
		if got := len(m.Members()); got != 4 || m.ClusterID() != first.ClusterID() {
			t.Errorf("%s knows %d members of cluster %x; want 4 of %x", m.Name(), got, m.ClusterID(), first.ClusterID())
		}
	}

	// A name or an address that is taken is refused at once, not tried for ever.
	ctx, cancel := context.WithTimeout(t.Context(), quorumtest.Patience)
	defer cancel()
	for _, change := range []func(*quorum.Config){
		func(c *quorum.Config) { c.Name = "m2" },
		func(c *quorum.Config) { c.PeerURL = last.PeerURL },
	} {
		cfg := quorumtest.Config(t, "m5")
		cfg.Join = seed
		change(&cfg)
		if _, err := quorum.Start(ctx, cfg); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("joining as %s at %s = %v; want a refusal", cfg.Name, cfg.PeerURL, err)
		}
	}

	// A restart ignores Join, though nobody is there to ask.
	quorumtest.Close(t, members[3])
	last.Join = "127.0.0.1:1"
	again := quorumtest.Start(t, last)
	quorumtest.Ready(t, again)
	if again.ID() != members[3].ID() {
		t.Errorf("restarted with id %x; want %x", again.ID(), members[3].ID())
	}

	w, err := again.Watch(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.RemoveMember(ctx, again.ID(), false); err != nil {
		t.Fatal(err)
	}
	select {
	case <-again.Stopped():
	case <-ctx.Done():
		t.Fatal("the removed member goes on")
	}
	if err := again.Err(); !errors.Is(err, quorum.ErrRemoved) {
		t.Errorf("Err of the removed member = %v; want ErrRemoved", err)
	}
	if _, _, err := contents(ctx, again, "", 0); !errors.Is(err, quorum.ErrStopped) {
		t.Errorf("Range of the removed member = %v; want ErrStopped", err)
	}
	if r, err := w.Next(ctx); !errors.Is(err, quorum.ErrRemoved) {
		t.Errorf("watch of the removed member = %+v, %v; want ErrRemoved", r, err)
	}
	if s := again.Status(); s.Learner {
		t.Errorf("status of the removed member: %+v", s)
	}

	// Started once more it finds that out again.
	_ = again.Close(ctx) // says what has ended it
	late, err := quorum.Start(ctx, last)
	if err == nil {
		select {
		case <-late.Stopped():
		case <-ctx.Done():
			t.Error("the removed member goes on, once more")
		}
		err = late.Err()
		_ = late.Close(ctx)
	}
	if !errors.Is(err, quorum.ErrRemoved) {
		t.Errorf("started again, the removed member ends with %v; want ErrRemoved", err)
	}
}

func TestJoinEndsWithContext(t *testing.T) {
	cfg := quorumtest.Config(t, "m1")
	cfg.Join = "127.0.0.1:1"
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := quorum.Start(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("Start = %v; want the end of the context and whom it asked", err)
	}
}

func TestKeepCard(t *testing.T) {
	m := quorumtest.StartOne(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- m.KeepCard(ctx, "card", []byte("hello"), 2*time.Second) }()
	present := func() bool {
		list, _, err := contents(t.Context(), m, "card", 0)
		return err == nil && len(list) == 1 && strings.HasPrefix(list[0], "card=hello@")
	}
	quorumtest.Eventually(t, "the card", present)
	if n, err := quorum.RevokeLeases(t.Context(), m); n != 1 || err != nil {
		t.Fatalf("RevokeLeases = %d, %v", n, err)
	}
	if present() {
		t.Error("the card outlives its lease")
	}
	quorumtest.Eventually(t, "the card again", present)
	stop := errors.New("enough")
	cancel(stop)
	if err := <-done; !errors.Is(err, stop) {
		t.Errorf("KeepCard = %v; want its context's cause", err)
	}
	if present() {
		t.Error("the card is still there after KeepCard")
	}
}
