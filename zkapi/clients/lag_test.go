//go:build linux

package clients

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/zkapi/zktest"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestLaggingMember stops a member, writes at the others, and sends the stopped one a client who has
// seen that. It goes on with its tree as it was.
func TestLaggingMember(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	leader := cluster.WaitLeader(t)
	lagging := cluster.Others(leader)[0]
	writer := dial(t, leader)
	if _, err := writer.Create("/lag", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatal(err)
	}
	t.Run("10 a member that lags lets a client wait that has seen more", func(t *testing.T) {
		for round := range 5 {
			lagging.Pause(t)
			var seen int64
			for i := range 200 {
				stat, err := writer.Set("/lag", fmt.Append(nil, round, " ", i), -1)
				if err != nil {
					t.Fatal(err)
				}
				seen = stat.Mzxid
			}
			conns, failed := make(chan *zktest.Conn, 1), make(chan error, 1)
			go func() {
				c, err := zktest.Dial(lagging.ZooKeeper, 30*time.Second, jute.ConnectResponse{}, seen)
				conns <- c
				failed <- err
			}()
			select {
			case <-conns:
				t.Fatalf("a stopped member answers: %v", <-failed)
			case <-time.After(100 * time.Millisecond): // by now the request is in the socket
			}
			lagging.Resume(t)
			c := <-conns
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
			r, err := c.Ask(jute.Request{Operation: jute.Operation{Op: jute.OpGetData, Path: "/lag"}})
			if want := fmt.Sprint(round, " ", 199); err != nil || r.Code != znode.OK || string(r.Data) != want {
				t.Errorf("the first read shows %q, %v, %v; want %q", r.Data, r.Code, err, want)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestWithoutQuorum asks a member that has lost both others for a session.
func TestWithoutQuorum(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	alone := cluster.Members[0]
	for _, m := range cluster.Members[1:] {
		m.Kill(t)
	}
	t.Run("103 119 a member without a quorum says so and opens no session", func(t *testing.T) {
		clustertest.Eventually(t, patience, "the member's word that it serves nobody", func() bool {
			return strings.Contains(zktest.Word(alone.ZooKeeper, "srvr"), "This ZooKeeper instance is not currently serving requests")
		})
		if answer := zktest.Word(alone.ZooKeeper, "ruok"); answer != "imok" {
			t.Errorf("ruok: %q", answer)
		}
		if _, err := zktest.Dial(alone.ZooKeeper, 6*time.Second, jute.ConnectResponse{}, 0); !errors.Is(err, zktest.ErrEnded) {
			t.Errorf("a session without a quorum: %v", err)
		}
	})
	for _, m := range cluster.Members[1:] {
		m.Restart(t)
	}
	cluster.WaitReady(t, cluster.Members...)
	c, err := zktest.Dial(alone.ZooKeeper, 6*time.Second, jute.ConnectResponse{}, 0)
	if err != nil {
		t.Fatalf("with the quorum back: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
