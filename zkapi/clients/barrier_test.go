//go:build linux

package clients

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestBarrierOfEveryDoor has our barriers hold Curator's and kazoo's clients back, and theirs ours.
func TestBarrierOfEveryDoor(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	o := allDoors(t, cluster)
	for name, client := range map[string]peer{"curator": curator("barrier"), "kazoo": kazoo("barrier")} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			name := "barriers/" + name
			d := o.door()
			if err := d.closeBarrier(ctx, name); err != nil {
				t.Fatalf("by %v: %v", d, err)
			}
			theirs := contend(t, cluster, client, "/"+name)
			theirs.says(t, "waits")
			theirs.silent(t)
			d = o.door()
			if err := d.openBarrier(ctx, name); err != nil {
				t.Fatalf("by %v: %v", d, err)
			}
			theirs.says(t, "passed")

			theirs.tell(t, "set")
			theirs.says(t, "set")
			var b struct {
				State string `json:"state"`
			}
			if err := o.rest.Do(ctx, http.MethodGet, "/v1/barriers/"+name+"?consistency=linearizable", nil, 0, &b); err != nil || b.State != "closed" {
				t.Fatalf("it is %q, %v", b.State, err)
			}
			passed := make(chan error, len(o.doors))
			for _, d := range o.doors {
				go func() { passed <- d.waitBarrier(ctx, name) }()
			}
			select {
			case err := <-passed:
				t.Fatalf("passed: %v", err)
			default:
			}
			theirs.tell(t, "remove")
			theirs.says(t, "removed")
			for range o.doors {
				if err := <-passed; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestDoubleBarrierOfEveryDoor has two of ours and one of theirs meet and part, in both orders.
func TestDoubleBarrierOfEveryDoor(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	o := newOurs(t, cluster, byREST, bySDK)
	for client, theirPeer := range map[string]peer{"curator": curator("double"), "kazoo": kazoo("double")} {
		for _, order := range []string{"first", "last"} {
			t.Run(client+" "+order, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
				defer cancel()
				name := "double/" + client + "/" + order
				total := func() (n int) {
					t.Helper()
					var g struct {
						Total int `json:"total"`
					}
					if err := o.rest.Do(ctx, http.MethodGet, "/v1/double-barriers/"+name+"?consistency=linearizable", nil, 0, &g); err != nil {
						t.Fatal(err)
					}
					return g.Total
				}
				there := func(n int) {
					t.Helper()
					clustertest.Eventually(t, patience, "the participants", func() bool { return total() == n })
				}
				var theirs *contender
				begin := func() { theirs = contend(t, cluster, theirPeer, "/"+name) }
				type entry struct {
					leave func(context.Context) error
					err   error
				}
				entered := make(chan entry, 2)
				enter := func() {
					d := o.program()
					go func() {
						leave, err := d.enter(ctx, name, 3)
						entered <- entry{leave, err}
					}()
				}
				if order == "first" {
					begin()
					there(1)
				}
				enter()
				if order == "first" {
					there(2)
					theirs.silent(t)
				}
				enter()
				if order == "last" {
					there(2)
					select {
					case e := <-entered:
						t.Fatalf("two of three have come: %v", e.err)
					default:
					}
					begin()
				}
				theirs.says(t, "entered")
				var inside []entry
				for range 2 {
					e := <-entered
					if e.err != nil {
						t.Fatal(e.err)
					}
					inside = append(inside, e)
				}
				left := make(chan error, 2)
				leave := func() {
					for _, e := range inside {
						go func() { left <- e.leave(ctx) }()
					}
				}
				if order == "first" {
					theirs.tell(t, "leave")
					theirs.silent(t)
					leave()
				} else {
					leave()
					select {
					case err := <-left:
						t.Fatalf("left alone: %v", err)
					default:
					}
					theirs.tell(t, "leave")
				}
				for range 2 {
					if err := <-left; err != nil {
						t.Error(err)
					}
				}
				theirs.says(t, "left")
				if n := total(); n != 0 {
					t.Errorf("%d are left behind", n)
				}
			})
		}
	}
}

// TestGuardedWriteOfEveryDoor guards writes by the locks of ZooKeeper's clients, with their czxids for
// tokens. The clients see the writes, at whatever member they are.
func TestGuardedWriteOfEveryDoor(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	o := newOurs(t, cluster, byREST, bySDK)
	c, conn := dialSDK(ctx, t, cluster.Endpoints()...), dial(t, cluster.Members[1])
	put := func(t *testing.T, path, data, lock string, token int64) error {
		t.Helper()
		d := o.program()
		err := d.put(ctx, path, data, lock, token)
		if err != nil && !errors.Is(err, errNotHolder) {
			t.Fatalf("by %v: %v", d, err)
		}
		return err
	}

	t.Run("go-zookeeper", func(t *testing.T) {
		if err := put(t, "app/state", "zero", "", 0); err != nil {
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
		if err := put(t, "app/state", "one", "app/lock", token); err != nil {
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
		_, err = c.Data("app/state").Put(ctx, []byte("late"), sdk.IfToken("app/lock", sdk.Token(token)))
		if e, ok := errors.AsType[*sdk.NotHolderError](err); !ok || e.Holder.Token != 0 {
			t.Errorf("a late write: %v", err)
		}
	})

	for name, client := range map[string]peer{"Curator": curator("mutex"), "kazoo": kazoo("Lock")} {
		t.Run(name, func(t *testing.T) {
			lock, state := "guards/"+name, "guarded/"+name
			theirs := contend(t, cluster, client, "/"+lock)
			theirs.says(t, "held")
			token, err := strconv.ParseInt(theirs.asked(t, "czxid"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"one", "two"} { // by each door
				if err := put(t, state, word, lock, token); err != nil {
					t.Errorf("a write while it holds: %v", err)
				}
				if got := theirs.asked(t, "data /"+state); got != word {
					t.Errorf("it reads %q; want %q", got, word)
				}
			}
			theirs.release(t)
			for range o.doors {
				if err := put(t, state, "late", lock, token); err == nil {
					t.Error("a late write is taken")
				}
			}
		})
	}

	// What an ACL keeps from the world is kept from this door.
	if _, err := conn.Create("/app/read-only", []byte("x"), 0, zk.WorldACL(zk.PermRead)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Data("app/read-only").Put(ctx, nil)
	if !errors.Is(err, sdk.ErrNotPermitted) {
		t.Errorf("a write of what is read-only: %v", err)
	}
	foreign := zk.NewLock(conn, "/app/lock", zk.WorldACL(zk.PermAll))
	if err := foreign.Lock(); err != nil {
		t.Fatal(err)
	}
	place, _ := own(t, conn, "/app/lock")
	if err := c.Data(place[1:]).Delete(ctx); !errors.Is(err, sdk.ErrNotAValue) {
		t.Errorf("a delete of a place in a queue: %v", err)
	}
}
