//go:build linux

package clients

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/zkapi/zktest"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestSessionIDsOverRestarts kills all members again and again, and shows 105 of the sessions that
// are opened in between: those that live on over a restart, and those whose ids nobody has any more.
func TestSessionIDsOverRestarts(t *testing.T) {
	t.Parallel()
	const rounds, sessions = 4, 40 // of each member and round
	for _, members := range []int{1, 3} {
		t.Run(fmt.Sprintf("members=%d", members), func(t *testing.T) {
			cluster := clustertest.Start(t, members, clustertest.Options{})
			given := map[int64]string{}
			for round := range rounds {
				for _, m := range cluster.Members {
					for i := range sessions {
						c, err := zktest.Dial(m.ZooKeeper, 10*time.Second, jute.ConnectResponse{}, 0)
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { _ = c.Close() }) // the member was killed, in most cases
						id, whose := c.Session.SessionID, fmt.Sprintf("session %d of %s in round %d", i, m.Name, round)
						if id <= 0 {
							t.Errorf("%s has the id %#x", whose, id)
						}
						if first, twice := given[id]; twice {
							t.Errorf("%s has the id of %s: %#x", whose, first, id)
						}
						given[id] = whose
						if i%2 == 0 {
							end(t, c)
						}
					}
				}
				cluster.KillAll(t)
				for _, m := range cluster.Members {
					m.Restart(t)
				}
				cluster.WaitReady(t, cluster.Members...)
			}
		})
	}
}

// end closes a connection's session.
func end(t *testing.T, c *zktest.Conn) {
	t.Helper()
	r, err := c.Ask(jute.Request{Operation: jute.Operation{Op: jute.OpCloseSession}})
	if err != nil || r.Code != znode.OK {
		t.Fatalf("close a session: %v, %v", r.Code, err)
	}
}
