//go:build linux

package clients

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

const (
	shortChange = 2 * time.Second // a change of leader that nobody should notice
	changeTries = 5               // for one that is as short
)

// TestLeaderChangeDisturbsNobody kills the leader while clients of the others, with sessions of
// eight seconds, ping and hold ephemerals. None of them may see its connection end.
func TestLeaderChangeDisturbsNobody(t *testing.T) {
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	for try := range changeTries {
		leader := cluster.WaitLeader(t)
		others := cluster.Others(leader)
		list := beside(t, others, fmt.Sprintf("/try-%d", try))
		probe := dial(t, others[0])
		path := fmt.Sprintf("/probe-%d", try)
		if _, err := probe.Create(path, nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
		clustertest.Pass(t, 3*time.Second) // pings have come and gone

		start := time.Now()
		leader.Kill(t)
		if _, err := probe.Set(path, nil, -1); err != nil {
			t.Fatalf("a set that is sent while there is no leader: %v", err)
		}
		took := time.Since(start)
		clustertest.Pass(t, 9*time.Second) // longer than a session that nobody keeps alive

		t.Logf("change of leader in %v", took)
		disturbed := false
		for _, o := range list {
			disturbed = o.disturbed() || disturbed
			o.live(t)
		}
		if took <= shortChange {
			if disturbed {
				t.Errorf("a change of leader of %v has ended a connection", took)
			}
			return
		}
		leader.Restart(t)
		cluster.WaitReady(t, leader)
	}
	t.Errorf("no change of leader in %v or less in %d tries", shortChange, changeTries)
}

// beside are eight owners with sessions of eight seconds, half of them at each of two members.
func beside(t *testing.T, members []*clustertest.Member, dir string) (list []*owner) {
	t.Helper()
	for i := range 8 {
		c, events, err := zk.Connect([]string{members[i%len(members)].ZooKeeper}, 8*time.Second, zk.WithLogger(quietLog{}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		o := &owner{Conn: c, path: fmt.Sprintf("%s-owner-%d", dir, i), events: events}
		if _, err := c.Create(o.path, nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
		o.session = c.SessionID()
		list = append(list, o)
	}
	return list
}

// disturbed reports whether the owner's connection has ended since this was asked last.
func (o *owner) disturbed() (yes bool) {
	for {
		select {
		case e := <-o.events:
			yes = yes || e.State == zk.StateDisconnected
		default:
			return yes
		}
	}
}
