package quorum_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// TestFounderComesBackEmpty starts a founder whose data is gone, with the settings that it always had: it
// is refused as long as the cluster counts it, and joins once it has been removed. Another list of
// founders makes it no member of that cluster.
func TestFounderComesBackEmpty(t *testing.T) {
	configs := quorumtest.Configs(t, 3)
	var members []*quorum.Member
	for _, cfg := range configs {
		members = append(members, quorumtest.Start(t, cfg))
	}
	quorumtest.Ready(t, members...)
	gone := members[2]
	quorumtest.Close(t, gone)
	rev := put(t, quorumtest.Leader(t, members[:2]...), "a", "1")
	if err := os.RemoveAll(configs[2].DataDir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), quorumtest.Patience)
	defer cancel()

	if _, err := quorum.Start(ctx, configs[2]); !errors.Is(err, quorum.ErrForgotten) || !strings.Contains(err.Error(), "lockkeeper member remove m3") {
		t.Fatalf("Start = %v; want ErrForgotten, and the command that mends it", err)
	}
	if err := members[0].RemoveMember(ctx, gone.ID(), false); err != nil {
		t.Fatal(err)
	}
	again := quorumtest.Start(t, configs[2])
	quorumtest.Ready(t, again)
	if s := again.Status(); s.Learner || s.Revision < rev || s.ID == gone.ID() || again.ClusterID() != members[0].ClusterID() {
		t.Errorf("after it has come back: %+v; want a voter with another id, in the same cluster", s)
	}

	// From then on it is a member as any other.
	quorumtest.Close(t, again)
	again = quorumtest.Start(t, configs[2])
	quorumtest.Ready(t, again)
	put(t, again, "b", "2")
}

// TestAnotherFoundingIsNotJoined starts a member with a list of founders of which one runs alone.
func TestAnotherFoundingIsNotJoined(t *testing.T) {
	configs := quorumtest.Configs(t, 2)
	alone := configs[0]
	alone.InitialCluster = nil
	quorumtest.Ready(t, quorumtest.Start(t, alone))
	m := quorumtest.Start(t, configs[1])
	if n := len(m.Members()); n == 1 {
		t.Errorf("it has joined a cluster of %d that was founded without it", n)
	}
	select {
	case <-m.Ready():
		t.Error("it is ready")
	default:
	}
}
