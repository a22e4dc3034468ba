package quorum_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
)

func TestStartAloneAndRestart(t *testing.T) {
	cfg := quorumtest.Config(t, "m1")
	m := quorumtest.Start(t, cfg)
	quorumtest.Ready(t, m)
	id := m.ID()
	rev := put(t, m, "a", "1")
	quorumtest.Close(t, m)
	select {
	case <-m.Stopped():
	default:
		t.Error("Stopped is open after Close")
	}
	if err := m.Err(); err != nil {
		t.Errorf("Err = %v after Close; want nil", err)
	}

	cfg.InitialCluster = map[string]string{"m1": cfg.PeerURL, "m2": "http://127.0.0.1:1"} // to be ignored
	m = quorumtest.Start(t, cfg)
	quorumtest.Ready(t, m)
	if m.ID() != id || m.Name() != "m1" || !m.IsLeader() || m.Term() < 2 {
		t.Errorf("restarted: id %x, want %x; %+v", m.ID(), id, m.Status())
	}
	got, at, err := contents(t.Context(), m, "", 0)
	if want := []string{"a=1@2"}; err != nil || !cmp.Equal(got, want) || at != rev {
		t.Errorf("contents = %q at %d, %v; want %q at %d", got, at, err, want, rev)
	}
}

func TestThreeMembers(t *testing.T) {
	members := quorumtest.StartThree(t)
	leader := quorumtest.Leader(t, members[:]...)
	for i, m := range members {
		rev := put(t, m, "key", string(rune('a'+i)))
		for _, other := range members {
			if err := other.ReadIndex(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := other.Revision(); got < rev {
				t.Errorf("%s is at revision %d after a read index; want %d", other.Name(), got, rev)
			}
		}
	}
	for _, m := range members {
		for _, info := range m.Members() {
			if info.Self != (info.ID == m.ID()) || info.Leader != (info.ID == leader.ID()) || info.Learner || !info.Started ||
				len(info.PeerURLs) != 1 || len(info.ClientURLs) != 1 {
				t.Errorf("%s sees %+v", m.Name(), info)
			}
		}
	}
}
