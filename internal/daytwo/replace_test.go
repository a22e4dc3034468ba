//go:build linux

package daytwo

import (
	"os"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestLostDirectory starts a founder again, with the settings that it always had, whose data directory is
// lost: it ends until it has been removed, and then joins by itself.
func TestLostDirectory(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, 3, clustertest.Options{})
	m := c.Others(c.WaitLeader(t))[0]
	m.Kill(t)
	if err := os.RemoveAll(m.DataDir); err != nil {
		t.Fatal(err)
	}
	m.Restart(t)
	if err := m.Gone(t); err == nil {
		t.Error("a member without its data ended as if it had been asked to")
	}
	c.Done(t, "member", "remove", m.Name)
	m.Restart(t)
	c.WaitReady(t, m)
	c.Done(t, "member", "move-leader", m.Name)
	c.WaitLeads(t, m)
}
