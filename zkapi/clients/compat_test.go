//go:build linux

package clients

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestCompatAll has locks of ours that keep every client away take turns with clients that know
// nothing of one another; it shows 120.
func TestCompatAll(t *testing.T) {
	java, py := curator(t), kazoo(t)
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	rest := cluster.Client(clustertest.ClientOptions{})
	zkc := dial(t, cluster.Members[0])

	// Each client stands between two of our locks.
	for _, client := range []struct {
		name string
		args []string
	}{
		{"kazoo Lock", with(py, "Lock")}, {"kazoo WriteLock", with(py, "WriteLock")}, {"kazoo ReadLock", with(py, "ReadLock")}, {"Curator", java},
	} {
		t.Run(client.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			const name, dir = "compat/taking-turns", "/compat/taking-turns"
			first, err := rest.Acquire(ctx, name, clustertest.Acquire{Compat: "all", Owner: "first"})
			if err != nil {
				t.Fatal(err)
			}
			between := contend(t, cluster, dir, client.args)
			waiting(ctx, t, rest, name, 1)
			second, err := rest.Open(ctx, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if client.name == "kazoo ReadLock" {
				// A ReadLock also waits for writers behind it that were there when it looked.
				between.silent(t)
			} else {
				if _, err := rest.Enqueue(ctx, name, clustertest.Acquire{Session: second.Session, Compat: "all", Owner: "second"}); err != nil {
					t.Fatal(err)
				}
				if q := waiting(ctx, t, rest, name, 2); q.Holder.Owner != "first" || q.Waiters[1].Owner != "second" || q.Waiters[1].Position != 2 {
					t.Errorf("the queue is %+v", q)
				}
				between.silent(t)
			}
			if _, err := rest.Release(ctx, name, first.Session, first.Token); err != nil {
				t.Fatal(err)
			}
			between.says(t, "held")
			if client.name == "kazoo ReadLock" {
				if _, err := rest.Enqueue(ctx, name, clustertest.Acquire{Session: second.Session, Compat: "all"}); err != nil {
					t.Fatal(err)
				}
			}
			h, err := rest.KeepAlive(ctx, name, second.Session)
			if err != nil || h.State != "waiting" {
				t.Fatalf("two holders: %+v, %v", h, err)
			}
			between.release(t)
			between.says(t, "there")
			clustertest.Eventually(t, patience, "our turn", func() bool {
				h, err = rest.KeepAlive(ctx, name, second.Session)
				return err == nil && h.State == "held"
			})
			if _, err := rest.Release(ctx, name, second.Session, h.Token); err != nil {
				t.Fatal(err)
			}
			names, _, err := zkc.Children(dir)
			if err != nil && !errors.Is(err, zk.ErrNoNode) || len(names) != 0 {
				t.Errorf("left: %v, %v", names, err)
			}
		})
	}

	t.Run("go-zookeeper", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		const name, dir = "compat/go", "/compat/go"
		ours, err := rest.Acquire(ctx, name, clustertest.Acquire{Compat: "all"})
		if err != nil {
			t.Fatal(err)
		}
		foreign := zk.NewLock(zkc, dir, zk.WorldACL(zk.PermAll))
		got := make(chan error, 1)
		go func() { got <- foreign.Lock() }()
		waiting(ctx, t, rest, name, 1)
		select {
		case err := <-got:
			t.Fatalf("two holders: %v", err)
		default:
		}
		if _, err := rest.Release(ctx, name, ours.Session, ours.Token); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		if h, err := rest.Acquire(ctx, name, clustertest.Acquire{Compat: "all"}); err == nil {
			t.Errorf("two holders: %+v", h)
		}
		if err := foreign.Unlock(); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("whoever deletes one name ends the hold", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		c := dialSDK(ctx, t, cluster.Endpoints()...)
		const name, dir = "compat/deleted", "/compat/deleted"
		hold, err := c.Mutex(name, sdk.WithCompatAll()).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		q := waiting(ctx, t, rest, name, 0)
		names, _, err := zkc.Children(dir)
		if err != nil || len(names) != 2 {
			t.Fatalf("%v, %v", names, err)
		}
		for _, child := range names {
			if path := dir + "/" + child; path != q.Holder.Znode {
				if err := zkc.Delete(path, -1); err != nil {
					t.Fatal(err)
				}
			}
		}
		select {
		case <-hold.Lost():
		case <-ctx.Done():
			t.Error("the hold goes on with half a lock")
		}
		if names, _, err := zkc.Children(dir); err != nil || len(names) != 0 {
			t.Errorf("left: %v, %v", names, err)
		}

		hold, err = c.Mutex(name, sdk.WithCompatAll()).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		force(ctx, t, cluster.Endpoints()[0]+"/v1/locks/"+name+"/release")
		<-hold.Lost()
		if names, _, err := zkc.Children(dir); err != nil || len(names) != 0 {
			t.Errorf("left after a forced release: %v, %v", names, err)
		}
	})
}

// waiting returns a lock's queue once it is held and so many wait.
func waiting(ctx context.Context, t *testing.T, rest *clustertest.Client, name string, waiters int) (q clustertest.Queue) {
	t.Helper()
	clustertest.Eventually(t, patience, "the queue", func() bool {
		var err error
		q, err = rest.Queue(ctx, name)
		return err == nil && q.Holder != nil && len(q.Waiters) == waiters
	})
	return q
}
