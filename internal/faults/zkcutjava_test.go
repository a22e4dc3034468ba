//go:build linux

package faults

import (
	"slices"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestCutJavaMember cuts off the member that a Java client with an ephemeral is connected to; the
// client stays beside it. It must be told that it is disconnected, which for its program is the end
// of what it holds, before anybody at the majority's side is told that the ephemeral is gone.
func TestCutJavaMember(t *testing.T) {
	beside(t, waits)
	program := childtest.Java(t, "testdata/Witness.java")
	network := clustertest.NewNetwork(t, 3)
	c := clustertest.Start(t, 3, clustertest.Options{Network: network})
	for _, who := range []string{"follower", "leader"} {
		t.Run(who, func(t *testing.T) {
			cut := c.WaitLeader(t)
			if who == "follower" {
				cut = c.Others(cut)[0]
			}
			space := network.Members[slices.Index(c.Members, cut)]
			const timeout = 4 * time.Second
			holder := startWitness(t, append(space.Exec(), program...), timeout, "/java-"+who, cut.ZooKeeper)
			path := "/java-" + who + "-0"
			watcher := zkDial(t.Context(), t, c.Dial, c.Others(cut)[0], 4*timeout)
			watcher.send(t, jute.Operation{Op: jute.OpSync, Path: path})
			<-watcher.heard
			watcher.call(t, jute.Operation{Op: jute.OpExists, Path: path, Watch: true})

			network.Cut(t, space)
			started := time.Now()
			var disconnected, gone time.Duration
			late := time.After(clustertest.Patience)
			pings := time.NewTicker(timeout)
			defer pings.Stop()
			for gone == 0 {
				select {
				case said, ok := <-holder.Says:
					if !ok {
						t.Fatal("the client has ended")
					}
					holder.note(t, said)
					if disconnected == 0 && holder.count("Disconnected") > 0 {
						disconnected = time.Since(started)
					}
				case e, ok := <-watcher.heard:
					if !ok {
						t.Fatal("the majority has cut the watcher")
					}
					if e.Xid != jute.XidEvent {
						continue
					}
					gone = time.Since(started)
					if e.Event != znode.NodeDeleted || disconnected == 0 {
						t.Errorf("%+v, and the holder was told only %q", e, holder.told)
					}
				case <-pings.C:
					watcher.send(t, jute.Operation{Op: jute.OpExists, Path: "/"})
				case <-late:
					t.Fatal("the ephemeral stays")
				}
			}
			t.Logf("after the cut: the Java client was told Disconnected at %v, the ephemeral was gone at %v", disconnected, gone)
			network.Heal(t, space)
			c.WaitReady(t, c.Members...)
			holder.listenUntil(t, "its session has expired", func() bool { return holder.count("Expired") == 1 })
		})
	}
}
