//go:build linux

package clients

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// cli runs commands of ZooKeeper's own command line, in one process of it.
func cli(t *testing.T, c *clustertest.Cluster, commands ...string) string {
	t.Helper()
	needCurator(t)
	args := with(java[1:], jars, "org.apache.zookeeper.ZooKeeperMain", "-server", connectString(c))
	cmd := exec.CommandContext(t.Context(), java[0], args...)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", commands, err, out)
	}
	return string(out)
}

// TestQuota sets a quota by ZooKeeper's command line, and meets it at every door and after a change
// of leader.
func TestQuota(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{Flags: []string{"--zookeeper-enforce-quota"}})
	leader := cluster.WaitLeader(t)
	other := cluster.Others(leader)[0]
	c := dial(t, other)
	create := func(path string) error {
		_, err := c.Create(path, []byte("12345"), 0, zk.WorldACL(zk.PermAll))
		return err
	}
	for _, path := range []string{"/orders", "/orders/1"} {
		if err := create(path); err != nil {
			t.Fatal(err)
		}
	}
	out := cli(t, cluster, "setquota -N 3 /orders", "listquota /orders")
	if !strings.Contains(out, "count=2,bytes=10") || !strings.Contains(out, "countHardLimit=3") {
		t.Errorf("listquota says:\n%s", out)
	}
	full := func() {
		t.Helper()
		if err := create("/orders/3"); err == nil || !strings.Contains(err.Error(), "-125") {
			t.Errorf("a fourth znode of three: %v; want ZooKeeper's -125", err)
		}
	}
	if err := create("/orders/2"); err != nil {
		t.Fatal(err)
	}
	full()

	_, err := cluster.Client(clustertest.ClientOptions{}).Acquire(t.Context(), "orders", clustertest.Acquire{})
	if problem := new(clustertest.Problem); !errors.As(err, &problem) || problem.Code != "quota_exceeded" {
		t.Errorf("a lock under a full quota: %v", err)
	}

	leader.Kill(t)
	cluster.WaitReady(t, cluster.Others(leader)...)
	full()
	if err := c.Delete("/orders/2", -1); err != nil {
		t.Fatal(err)
	}
	if err := create("/orders/2"); err != nil {
		t.Errorf("in the place of a deleted one: %v", err)
	}
	leader.Restart(t)
	cluster.WaitReady(t, leader)
	if data, _, err := dial(t, leader).Get("/zookeeper/quota/orders/zookeeper_stats"); err != nil || string(data) != "count=3,bytes=15" {
		t.Errorf("a restarted member counts %q, %v", data, err)
	}
	cli(t, cluster, "delquota /orders")
	if err := create("/orders/3"); err != nil {
		t.Errorf("without a quota: %v", err)
	}
}
