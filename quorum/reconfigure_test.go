package quorum_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// TestReconfigure follows a cluster of three through the loss of a member, its replacement, and
// all that is refused on the way.
func TestReconfigure(t *testing.T) {
	three := quorumtest.StartThree(t)
	ctx, cancel := context.WithTimeout(t.Context(), quorumtest.Patience)
	defer cancel()
	asked := quorumtest.Leader(t, three[:]...)
	var others []*quorum.Member
	for _, m := range three {
		if m != asked {
			others = append(others, m)
		}
	}
	dead, alive := others[0], others[1]
	deadID := dead.ID()
	if d, err := asked.Ping(ctx, alive.ID(), 3); err != nil || d <= 0 {
		t.Errorf("Ping = %v, %v; want a round trip", d, err)
	}
	quorumtest.Close(t, dead)

	// Of the two that are left after this removal, one does not answer.
	err := asked.RemoveMember(ctx, alive.ID(), false)
	if e, ok := errors.AsType[*quorum.QuorumError](err); !ok || e.Voters != 2 || e.Need != 2 || len(e.Answering) != 1 || len(e.Silent) != 1 || e.Silent[0] != dead.Name() {
		t.Fatalf("removing a member that is needed = %v", err)
	}
	if err := asked.HandLeadership(ctx, deadID); !errors.Is(err, quorum.ErrCannotLead) {
		t.Errorf("HandLeadership to a dead member = %v; want ErrCannotLead", err)
	}
	if err := alive.RemoveMember(ctx, deadID, false); err != nil {
		t.Fatalf("removing the dead member: %v", err)
	}
	if err := alive.RemoveMember(ctx, deadID, false); !errors.Is(err, quorum.ErrNoMember) {
		t.Errorf("removing it again = %v; want ErrNoMember", err)
	}

	// A fresh one: let in, not started yet, then started.
	fresh := quorumtest.Config(t, "fresh")
	fresh.Join = asked.Members()[0].ClientURLs[0]
	id, err := asked.AddMember(ctx, fresh.PeerURL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := asked.AddMember(ctx, fresh.PeerURL); !errors.Is(err, quorum.ErrMemberExists) {
		t.Errorf("adding it again = %v; want ErrMemberExists", err)
	}
	if _, err := asked.AddMember(ctx, "http://127.0.0.1:1"); !errors.Is(err, quorum.ErrLearnerExists) {
		t.Errorf("adding another = %v; want ErrLearnerExists", err)
	}
	if _, err := asked.AddMember(ctx, "127.0.0.1"); !errors.Is(err, quorum.ErrAddress) {
		t.Errorf("adding nobody = %v; want ErrAddress", err)
	}
	if err := asked.HandLeadership(ctx, id); !errors.Is(err, quorum.ErrCannotLead) {
		t.Errorf("HandLeadership to a learner = %v; want ErrCannotLead", err)
	}
	if err := asked.PromoteMember(ctx, id, false); !errors.Is(err, quorum.ErrLearnerBehind) {
		t.Errorf("promoting what was never started = %v; want ErrLearnerBehind", err)
	}
	if err := asked.PromoteMember(ctx, asked.ID(), false); !errors.Is(err, quorum.ErrNotLearner) {
		t.Errorf("promoting a voter = %v; want ErrNotLearner", err)
	}
	m := quorumtest.Start(t, fresh)
	quorumtest.Ready(t, m)
	if m.ID() != id || m.Status().Learner {
		t.Errorf("the fresh member is %x, %+v; want %x with a vote", m.ID(), m.Status(), id)
	}

	// The leader goes: leadership first.
	if err := m.HandLeadership(ctx, m.ID()); err != nil {
		t.Fatal(err)
	}
	if err := asked.RemoveMember(ctx, m.ID(), false); err != nil {
		t.Fatalf("removing the leader: %v", err)
	}
	if got := asked.Leader(); got != asked.ID() {
		t.Errorf("%x leads; want the one that was asked, %x", got, asked.ID())
	}
	<-m.Stopped()
	if err := m.Err(); !errors.Is(err, quorum.ErrRemoved) {
		t.Errorf("Err of the removed leader = %v; want ErrRemoved", err)
	}
	put(t, alive, "after", "all")
}

func TestTheLastVoterStays(t *testing.T) {
	m := quorumtest.StartOne(t)
	var e *quorum.QuorumError
	if err := m.RemoveMember(t.Context(), m.ID(), true); !errors.As(err, &e) || e.Voters != 0 || !errors.Is(err, quorum.ErrLosesQuorum) {
		t.Errorf("removing the last voter = %v; want a QuorumError", err)
	}
}
