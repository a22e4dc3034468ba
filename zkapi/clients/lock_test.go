//go:build linux

package clients

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A goLock is go-zookeeper's Lock, that may be waited for.
type goLock struct {
	*zk.Lock
	got chan error // what has become of it
}

// goLocks has go-zookeeper ask for its lock on a path.
func goLocks(c *zk.Conn, path string) *goLock {
	l := &goLock{zk.NewLock(c, path, zk.WorldACL(zk.PermAll)), make(chan error, 1)}
	go func() { l.got <- l.LockWithData([]byte("go")) }() // ends with the connection
	return l
}

// waits fails the test if the lock is held, or cannot be had.
func (l *goLock) waits(t *testing.T) {
	t.Helper()
	select {
	case err := <-l.got:
		t.Fatalf("go-zookeeper, which has to wait: %v", err)
	default:
	}
}

// holds waits until the lock is held.
func (l *goLock) holds(t *testing.T) {
	t.Helper()
	select {
	case err := <-l.got:
		if err != nil {
			t.Fatalf("go-zookeeper: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("go-zookeeper is not served")
	}
}

func (l *goLock) release(t *testing.T) {
	t.Helper()
	if err := l.Unlock(); err != nil {
		t.Fatalf("go-zookeeper: %v", err)
	}
}

// TestEveryDoorQueues has our doors, Curator, kazoo and go-zookeeper wait in one line.
func TestEveryDoorQueues(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)
	zkc := dial(t, cluster.Members[0])
	const name, dir = "orders/43", "/orders/43"

	first := o.holds(ctx, t, name, ask{})
	j := contend(t, cluster, curator("mutex"), dir)
	o.queue(ctx, t, name, 2)
	p := contend(t, cluster, kazoo("PatternLock"), dir)
	o.queue(ctx, t, name, 3)
	second := o.asks(ctx, t, name, ask{})
	o.queue(ctx, t, name, 4)
	foreign := goLocks(zkc, dir)
	o.queue(ctx, t, name, 5)
	third := o.asks(ctx, t, name, ask{})
	q := o.queue(ctx, t, name, 6)
	last := int64(0)
	for i, c := range q.All() {
		_, s, err := zkc.Get(c.Znode)
		if err != nil || s.Czxid != c.Token || c.Token <= last || c.Position != i {
			t.Errorf("%d: %+v, %+v, %v", i, c, s, err)
		}
		last = c.Token
		if want := []string{"rest", "zookeeper", "zookeeper", "stream", "zookeeper", "stream"}[i]; c.Door != want {
			t.Errorf("%d has come by %q; want %q", i, c.Door, want)
		}
	}
	if owner := q.Waiters[1].Owner; owner != "kazoo" || !strings.Contains(q.Waiters[1].Znode, "__lock__") {
		t.Errorf("kazoo is %+v", q.Waiters[1])
	}

	j.silent(t)
	released(ctx, t, first)
	j.says(t, "held")
	p.silent(t)
	j.release(t)
	p.says(t, "held")
	second.waits(t)
	p.release(t)
	h := second.holds(t)
	foreign.waits(t)
	released(ctx, t, h)
	foreign.holds(t)
	third.waits(t)
	foreign.release(t)
	released(ctx, t, third.holds(t))
}

// TestForce takes locks from the clients of ZooKeeper, by each of our doors. Whoever has lost one finds
// its znode gone, and disturbs nobody when it gives up what it does not hold.
func TestForce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)
	for name, client := range map[string]peer{"Curator": curator("mutex"), "kazoo": kazoo("PatternLock"), "kazoo's own names": kazoo("Lock")} {
		t.Run(name, func(t *testing.T) {
			name := "forced/" + client.recipe
			theirs := contend(t, cluster, client, "/"+name)
			theirs.says(t, "held")
			d := o.door()
			if err := d.force(ctx, name); err != nil {
				t.Fatalf("force, by %v: %v", d, err)
			}
			h := o.holds(ctx, t, name, ask{})
			if got := theirs.asked(t, "look"); got != "gone" {
				t.Errorf("its znode is %s", got)
			}
			theirs.release(t)
			if q := o.queue(ctx, t, name, 1); q.Holder == nil || q.Holder.Token != h.token {
				t.Errorf("the queue is %+v", q)
			}
			released(ctx, t, h)
		})
	}
}

// TestLockDelay: a lock whose holder has expired rests for the clients of ZooKeeper, too. The holders
// by the command line are killed, those by REST silent, those by the SDK cut off.
func TestLockDelay(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)
	const delay = 5 * time.Second
	type waiter struct {
		name          string
		ours          *held
		waits, served func(t *testing.T)
	}
	resting := func(a ask) ask {
		a.ttl, a.delay = 2*time.Second, delay
		return a
	}
	var waiters []*waiter
	for _, w := range []struct {
		name   string
		ask    ask
		client peer
	}{
		{"curator", ask{}, curator("mutex")},
		{"curator-reader", ask{mode: "write"}, curator("read")},
		{"kazoo", ask{}, kazoo("PatternLock")},
		{"kazoo-all", ask{compat: "all"}, kazoo("Lock")},
	} {
		name := "delayed/" + w.name
		h := o.holds(ctx, t, name, resting(w.ask))
		c := contend(t, cluster, w.client, "/"+name)
		waiters = append(waiters, &waiter{name, h, c.silent, func(t *testing.T) { c.says(t, "held") }})
	}
	h := o.holds(ctx, t, "delayed/go", resting(ask{}))
	foreign := goLocks(dial(t, cluster.Members[0]), "/delayed/go")
	waiters = append(waiters, &waiter{"delayed/go", h, foreign.waits, foreign.holds})
	for _, w := range waiters {
		o.queue(ctx, t, w.name, 2)
		w.ours.kill()
	}
	var rests time.Time
	for _, w := range waiters {
		clustertest.Eventually(t, patience, w.name+" rests", func() bool {
			q, err := o.rest.Queue(ctx, w.name)
			rests = time.Now()
			return err == nil && q.State == "resting" && q.Holder.Token == w.ours.token && q.Contenders == 2
		})
		w.waits(t)
	}
	for _, w := range waiters {
		w.served(t)
	}
	if rested := time.Since(rests); rested < delay/2 {
		t.Errorf("the last one rested for %v after it was seen; want about %v", rested, delay)
	}
}
