package lock_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestForeignNames: whoever came by the ZooKeeper door is named by what its client wrote, or
// else by where it came from, in queues and in errors.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	const address = "192.0.2.7:40404"
	open, err := m.Sessions.Open(patient(t), lease.Options{
		TTL: lease.DefaultTTL, Labels: map[string]string{"door": "zookeeper", "address": address},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, data, owner string }{
		{"silent", "", address},
		{"identified", "worker-7", "worker-7"},
		{"binary", "\xff\xfe", address},
		{"borrowed", `{"door":"rest"}`, address},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := m.Store.Do(patient(t), &znode.Request{Session: open.Session.ID, Ops: []znode.Op{{
				Kind: znode.OpCreate, Path: "/named/" + c.name + "/x-lock-", Data: []byte(c.data), ACL: znode.OpenACL,
				Node: znode.Ephemeral, Sequential: true, Parents: true,
			}}})
			if err != nil || out.Code != znode.OK {
				t.Fatalf("create: %v, %v", out.Code, err)
			}
			name := "named/" + c.name
			q := queue(t, m, name)
			if len(q.Contenders) != 1 || q.Contenders[0].Owner != c.owner || q.Contenders[0].Door != "zookeeper" {
				t.Errorf("the queue is %+v; want one holder %q by the ZooKeeper door", q, c.owner)
			}
			_, err = m.Locks.Acquire(patient(t), lock.Request{Name: name, Session: session(t, m), Door: "rest"}, 0)
			e, ok := errors.AsType[*lock.HeldError](err)
			if !ok || e.Holder.Owner != c.owner || !strings.Contains(err.Error(), c.owner) {
				t.Errorf("try: %v; want it held by %q", err, c.owner)
			}
		})
	}
}
