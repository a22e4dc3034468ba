//go:build linux

package daytwo

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestMembersUnderLoad replaces a dead member by a fresh one, and removes the leader, while clients
// take locks: none of their requests fails, and a hold lives through all of it. What would lose the
// quorum is refused with its reason, and done with --force.
func TestMembersUnderLoad(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, 3, clustertest.Options{})
	leader := c.WaitLeader(t)
	others := c.Others(leader)
	dead, stays := others[0], others[1]
	fresh := clustertest.NewMember(t, "fresh", "--join", leader.Client+","+stays.Client)

	endpoints := []string{stays.URL(), leader.URL(), fresh.URL()}
	client := c.Client(clustertest.ClientOptions{Endpoints: endpoints})
	defer client.Close()
	session, err := clustertest.Live(t.Context(), client, 6*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Silence()
	held, err := client.Acquire(t.Context(), "kept", clustertest.Acquire{Session: session.ID})
	if err != nil {
		t.Fatal(err)
	}
	l := loaded(t, c, endpoints)
	l.more(t, 50)

	dead.Kill(t)
	e := c.Command(t, "member", "remove", leader.Name)
	if e.Code != 8 || !strings.Contains(e.Err, "no answer from "+dead.Name) || !strings.Contains(e.Err, "(loses_quorum)") || !strings.Contains(e.Err, "force") {
		t.Errorf("removing one of two that are left ends with %d: %s", e.Code, e.Err)
	}
	if e := c.Command(t, "member", "move-leader", dead.Name); e.Code != 1 || !strings.Contains(e.Err, "(cannot_lead)") {
		t.Errorf("moving leadership to a dead member ends with %d: %s", e.Code, e.Err)
	}
	c.Done(t, "member", "remove", dead.Name)
	if e := c.Command(t, "member", "remove", dead.Name); e.Code != 3 || !strings.Contains(e.Err, "(no_member)") {
		t.Errorf("removing it again ends with %d: %s", e.Code, e.Err)
	}
	l.more(t, 50)

	// Let in beforehand, and then started: it catches up and gets its vote by itself.
	if out := c.Done(t, "member", "add", fresh.Peer); !strings.Contains(out, "learner") {
		t.Errorf("add prints %s", out)
	}
	if e := c.Command(t, "member", "promote", "nobody"); e.Code != 3 {
		t.Errorf("promoting nobody ends with %d: %s", e.Code, e.Err)
	}
	fresh.Restart(t)
	c.WaitReady(t, fresh)
	c.Members = []*clustertest.Member{stays, leader, fresh}
	names := func() (voters []string) {
		var list struct {
			Members []struct {
				Name    string
				Learner bool
			}
		}
		if err := json.Unmarshal([]byte(c.Done(t, "member", "list", "--json")), &list); err != nil {
			t.Fatal(err)
		}
		for _, m := range list.Members {
			if !m.Learner {
				voters = append(voters, m.Name)
			}
		}
		return voters
	}
	want := []string{"fresh", leader.Name, stays.Name}
	slices.Sort(want)
	// The others hear of its vote a moment later than it does.
	clustertest.Eventually(t, clustertest.Patience, "fresh has a vote", func() bool { return slices.Equal(names(), want) })
	l.more(t, 50)

	// The leader is removed, through another: leadership goes first, and the process ends.
	c.Done(t, "member", "move-leader", fresh.Name)
	c.WaitLeads(t, fresh)
	c.Done(t, "member", "remove", fresh.Name)
	if err := fresh.Gone(t); err == nil {
		t.Error("the removed member ended as if it had been asked to")
	}
	c.Members = []*clustertest.Member{stays, leader}
	l.more(t, 50)
	l.end()

	if queue, err := client.Queue(t.Context(), "kept"); err != nil || queue.Holder == nil || queue.Holder.Token != held.Token || session.Lost() != nil {
		t.Errorf("after it all the hold is %+v, %v, %v; want token %d", queue.Holder, err, session.Lost(), held.Token)
	}

	// Down to one member, which stays whatever is said.
	leaderNow := c.WaitLeader(t)
	if e := c.Command(t, "member", "remove", leaderNow.Name); e.Code != 0 {
		t.Errorf("removing the leader of two ends with %d: %s", e.Code, e.Err)
	}
	last := stays
	if leaderNow == stays {
		last = leader
	}
	c.Members = []*clustertest.Member{last}
	if err := leaderNow.Gone(t); err == nil {
		t.Error("the removed leader ended as if it had been asked to")
	}
	c.WaitLeads(t, last)
	if e := c.Command(t, "member", "remove", last.Name, "--force"); e.Code != 8 || !strings.Contains(e.Err, "without voters") {
		t.Errorf("removing the last voter ends with %d: %s", e.Code, e.Err)
	}
}

// TestForcedRemoval removes a voter that the quorum needs.
func TestForcedRemoval(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, 3, clustertest.Options{})
	dead := c.Others(c.WaitLeader(t))[0]
	dead.Kill(t)
	running := c.Others(dead)
	victim := running[0]
	c.Done(t, "member", "remove", victim.Name, "--force")
	if err := victim.Gone(t); err == nil {
		t.Error("the removed member ended as if it had been asked to")
	}
	// One of two voters is left: no quorum, until the dead one is back.
	clustertest.Eventually(t, clustertest.Patience, "no quorum", func() bool {
		r, err := c.Readiness(t.Context(), running[1])
		return err == nil && r.Reason == "no_quorum"
	})
	dead.Restart(t)
	c.WaitReady(t, dead, running[1])
}
