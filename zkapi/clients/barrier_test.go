//go:build linux

package clients

import (
	"context"
	"errors"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A suite is a client that has barriers, and how it is called.
type suite struct {
	name string
	args []string
}

func suites(t *testing.T, kind string) []suite {
	t.Helper()
	return []suite{{"Curator", curator(t, kind)}, {"kazoo", with(kazoo(t), kind)}}
}

// TestBarrierOfEveryDoor has our barriers hold Curator's and kazoo's clients back, and theirs ours.
func TestBarrierOfEveryDoor(t *testing.T) {
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	for _, client := range suites(t, "barrier") {
		t.Run(client.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			gate := dialSDK(ctx, t, cluster.Endpoints()...).Barrier("barriers/" + client.name)
			if err := gate.Set(ctx); err != nil {
				t.Fatal(err)
			}
			theirs := contend(t, cluster, "/barriers/"+client.name, client.args)
			theirs.says(t, "waits")
			theirs.silent(t)
			if err := gate.Remove(ctx); err != nil {
				t.Fatal(err)
			}
			theirs.says(t, "passed")

			theirs.release(t)
			theirs.says(t, "set")
			if closed, err := gate.Closed(ctx); err != nil || !closed {
				t.Fatalf("closed: %v, %v", closed, err)
			}
			passed := make(chan error, 1)
			go func() { passed <- gate.Wait(ctx) }()
			select {
			case err := <-passed:
				t.Fatalf("passed: %v", err)
			default:
			}
			theirs.release(t)
			theirs.says(t, "removed")
			if err := <-passed; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDoubleBarrierOfEveryDoor has two of ours and one of theirs meet, in both orders, and with
// Curator's part.
func TestDoubleBarrierOfEveryDoor(t *testing.T) {
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	for _, client := range suites(t, "double") {
		for _, order := range []string{"theirs first", "theirs last"} {
			t.Run(client.name+" "+order, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
				defer cancel()
				c := dialSDK(ctx, t, cluster.Endpoints()...)
				name := "double/" + client.name + "/" + order[len("theirs "):]
				ours := []*sdk.DoubleBarrier{c.DoubleBarrier(name, 3), c.DoubleBarrier(name, 3)}
				there := func(n int) {
					t.Helper()
					clustertest.Eventually(t, patience, "the participants", func() bool {
						g, err := ours[0].Gathering(ctx)
						return err == nil && g.Total == n
					})
				}
				var theirs *contender
				begin := func() { theirs = contend(t, cluster, "/"+name, client.args) }
				entered := make(chan error, 2)
				if order == "theirs first" {
					begin()
					there(1)
				}
				go func() { entered <- ours[0].Enter(ctx) }()
				if order == "theirs first" {
					there(2)
					theirs.silent(t)
				}
				go func() { entered <- ours[1].Enter(ctx) }()
				if order == "theirs last" {
					there(2)
					select {
					case err := <-entered:
						t.Fatalf("two of three have come: %v", err)
					default:
					}
					begin()
				}
				theirs.says(t, "entered")
				for range 2 {
					if err := <-entered; err != nil {
						t.Fatal(err)
					}
				}
				if client.name == "kazoo" {
					return // it leaves by rules of its own
				}
				left := make(chan error, 2)
				leave := func() {
					for _, b := range ours {
						go func() { left <- b.Leave(ctx) }()
					}
				}
				if order == "theirs first" {
					theirs.release(t)
					theirs.silent(t)
					leave()
				} else {
					leave()
					select {
					case err := <-left:
						t.Fatalf("left alone: %v", err)
					default:
					}
					theirs.release(t)
				}
				for range 2 {
					if err := <-left; err != nil {
						t.Error(err)
					}
				}
				theirs.says(t, "left")
				if g, err := ours[0].Gathering(ctx); err != nil || g.Total != 0 || g.Open {
					t.Errorf("left behind: %+v, %v", g, err)
				}
			})
		}
	}
}

// TestGuardedWriteOfEveryDoor guards writes by the lock of a ZooKeeper client, which sees them at
// once.
func TestGuardedWriteOfEveryDoor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	c, conn := dialSDK(ctx, t, cluster.Endpoints()...), dial(t, cluster.Members[1])
	data := c.Data("app/state")
	if _, err := data.Put(ctx, []byte("zero")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Sync("/app/state"); err != nil {
		t.Fatal(err)
	}
	got, stat, changed, err := conn.GetW("/app/state")
	if err != nil || string(got) != "zero" || stat.Version != 0 || stat.EphemeralOwner != 0 {
		t.Fatalf("%q, %+v, %v", got, stat, err)
	}

	foreign := zk.NewLock(conn, "/app/lock", zk.WorldACL(zk.PermAll))
	if err := foreign.Lock(); err != nil {
		t.Fatal(err)
	}
	_, token := own(t, conn, "/app/lock")
	if _, err := data.Put(ctx, []byte("one"), sdk.IfToken("app/lock", sdk.Token(token))); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-changed:
		if e.Type != zk.EventNodeDataChanged || e.Path != "/app/state" {
			t.Errorf("%+v", e)
		}
	case <-ctx.Done():
		t.Fatal("no event")
	}
	if got, stat, err = conn.Get("/app/state"); err != nil || string(got) != "one" || stat.Version != 1 {
		t.Errorf("%q, %+v, %v", got, stat, err)
	}
	if err := foreign.Unlock(); err != nil {
		t.Fatal(err)
	}
	_, err = data.Put(ctx, []byte("late"), sdk.IfToken("app/lock", sdk.Token(token)))
	if e, ok := errors.AsType[*sdk.NotHolderError](err); !ok || e.Holder.Token != 0 {
		t.Errorf("a late write: %v", err)
	}

	// What an ACL keeps from the world is kept from this door.
	if _, err := conn.Create("/app/read-only", []byte("x"), 0, zk.WorldACL(zk.PermRead)); err != nil {
		t.Fatal(err)
	}
	_, err = c.Data("app/read-only").Put(ctx, nil)
	if !errors.Is(err, sdk.ErrNotPermitted) {
		t.Errorf("a write of what is read-only: %v", err)
	}
	if err := foreign.Lock(); err != nil {
		t.Fatal(err)
	}
	place, _ := own(t, conn, "/app/lock")
	if err := c.Data(place[1:]).Delete(ctx); !errors.Is(err, sdk.ErrNotAValue) {
		t.Errorf("a delete of a place in a queue: %v", err)
	}
}
