//go:build linux

package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestKafka has two of Kafka's brokers keep their cluster in ours, and shows 122. A broker that was
// stopped for longer than its session comes back with a larger epoch, by which the others tell it
// from what it was before; a member that is killed changes nothing for them.
func TestKafka(t *testing.T) {
	t.Parallel()
	path := kafkaClasses(t)
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	brokers := []*broker{startBroker(t, path, cluster, 1), startBroker(t, path, cluster, 2)}
	both := brokers[0].address + "," + brokers[1].address
	c := dial(t, cluster.Members[0])
	var epochs, sessions [2]int64
	for i, b := range brokers {
		epochs[i], sessions[i] = b.registered(t, c, 0)
	}

	t.Run("two brokers are one cluster", func(t *testing.T) {
		records(t, path, both, "orders", 2, 0)
	})

	t.Run("a controller whose session expires registers again with a larger epoch", func(t *testing.T) {
		first := controller(t, c)
		if first != 1 && first != 2 {
			t.Fatalf("broker %d is the controller", first)
		}
		stopped, other := brokers[first-1], brokers[2-first]
		stopped.signal(t, syscall.SIGSTOP)
		clustertest.Eventually(t, kafkaTime, "the other broker as controller", func() bool { return controller(t, c) == other.id })
		if there, _, err := c.Exists(fmt.Sprintf("%s/brokers/ids/%d", kafkaRoot, stopped.id)); there || err != nil {
			t.Errorf("the stopped broker is registered: %v, %v", there, err)
		}
		records(t, path, other.address, "orders", 1, 100)

		stopped.signal(t, syscall.SIGCONT)
		i := first - 1
		epoch, session := stopped.registered(t, c, epochs[i])
		if epoch <= epochs[i] || session == sessions[i] {
			t.Errorf("epoch %d with session %#x; before, %d with %#x", epoch, session, epochs[i], sessions[i])
		}
		epochs[i], sessions[i] = epoch, session
		records(t, path, both, "orders", 2, 200)
		if got := controller(t, c); got != other.id {
			t.Errorf("broker %d is the controller; want %d", got, other.id)
		}
	})

	t.Run("a killed member costs no broker its session", func(t *testing.T) {
		leader := cluster.WaitLeader(t)
		leader.Kill(t)
		c := dial(t, cluster.Others(leader)[0])
		clustertest.Pass(t, kafkaTimeout+2*time.Second) // longer than a session that nobody keeps alive
		for i, b := range brokers {
			if epoch, session := b.registered(t, c, 0); epoch != epochs[i] || session != sessions[i] {
				t.Errorf("broker %d has epoch %d and session %#x; before, %d and %#x", b.id, epoch, session, epochs[i], sessions[i])
			}
		}
		records(t, path, both, "payments", 2, 0)
		records(t, path, both, "orders", 2, 300)
	})
}

// controller is the id of the broker that is the controller; 0 where none is.
func controller(t *testing.T, c *zk.Conn) int {
	t.Helper()
	data, _, err := c.Get(kafkaRoot + "/controller")
	if errors.Is(err, zk.ErrNoNode) {
		return 0
	}
	var is struct{ BrokerID int }
	if err := errors.Join(err, json.Unmarshal(data, &is)); err != nil {
		t.Fatalf("the controller %s: %v", data, err)
	}
	return is.BrokerID
}

// records has Kafka's clients write a hundred records to a topic that has some already, and read all
// of them, once so many replicas are in sync.
func records(t *testing.T, path, brokers, topic string, inSync, there int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kafkaTime+10*time.Second) // it gives up by itself
	defer cancel()
	cmd := exec.CommandContext(ctx, "java", append(kafkaJava(path), "Records", brokers, topic, strconv.Itoa(inSync), strconv.Itoa(there))...)
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("%d records\n", there+100); err != nil || !strings.HasSuffix(string(out), want) {
		t.Fatalf("records of %s: %v\n%s", topic, err, out)
	}
}
