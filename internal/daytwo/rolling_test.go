//go:build linux

package daytwo

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// rollTTL is that of the sessions that live through a rolling restart.
const rollTTL = 6 * time.Second

// TestRollingRestart stops the members of a cluster in order and starts them again, one after the other,
// while clients of every door take locks and give them back, hold some all the while, and wait for one.
// No request fails: each error but the documented reasons to ask another member ends the test. No lock
// has two holders, no token falls, no hold and no session is lost, nobody loses a place in a queue. It
// tells the longest pause of each kind of client.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	curator := childtest.Java(t, "testdata/Roller.java")
	c := clustertest.Start(t, 3, clustertest.Options{})
	j := newTurns(t)

	java := startRoller(t, curator, c, j)
	var kept int64
	java.Hear(t, "ready %d", &kept)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var work sync.WaitGroup
	defer work.Wait()
	defer end()
	s := startStreamers(ctx, t, &work, c, j)
	r := startResters(ctx, t, &work, c, j)
	w := startWaiters(t, c)
	j.goesOn(t, "curator", "stream", "rest")

	epoch := epochOf(t, c)
	handovers := int64(0)
	for _, m := range c.Members {
		if c.WaitLeader(t) == m {
			handovers++
		}
		begun := time.Now()
		m.Stop(t)
		stopped := time.Since(begun)
		j.goesOn(t, "curator", "stream", "rest")
		m.Restart(t)
		c.WaitReady(t, m)
		t.Logf("%s: stopped in %v, ready again %v after the signal", m.Name, stopped, time.Since(begun))
		j.goesOn(t, "curator", "stream", "rest")
	}
	if now := epochOf(t, c); now != epoch+handovers {
		t.Logf("%d changes of the writer; %d members were stopped that led", now-epoch, handovers)
	}

	end()
	work.Wait()
	java.GoOn(t)
	var turns, longest, suspended int
	java.Hear(t, "held %d %d %d", &turns, &longest, &suspended)
	java.Ends(t)
	s.check(t)
	r.check(t)
	w.check(t)
	j.check(t)
	t.Logf("Curator: %d turns, longest pause %v, %d times connected to another member", turns, time.Duration(longest)*time.Millisecond, suspended)
}

func epochOf(t *testing.T, c *clustertest.Cluster) int64 {
	t.Helper()
	s, err := c.Status(t.Context(), c.Members[0])
	if err != nil {
		t.Fatal(err)
	}
	return s.Epoch
}

// startRoller starts the Curator program on all members.
func startRoller(t *testing.T, program []string, c *clustertest.Cluster, j *turns) *childtest.Child {
	t.Helper()
	var servers []string
	for _, m := range c.Members {
		servers = append(servers, m.ZooKeeper)
	}
	args := append(program[1:len(program):len(program)], strings.Join(servers, ","), "6000", "/roll/curator", "/roll/shared", "/kept/curator", j.path)
	// Not the test's context: its end would kill it before the clean-up is there to wait.
	return childtest.Start(t, exec.CommandContext(context.Background(), program[0], args...))
}
