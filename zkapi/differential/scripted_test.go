package differential

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// by is a step of a client.
func by(client int, o jute.Operation) step {
	return step{client: client, request: jute.Request{Operation: o}}
}

func create(path string, flags int32, acl ...znode.ACL) jute.Operation {
	if acl == nil {
		acl = znode.OpenACL
	}
	return jute.Operation{Op: jute.OpCreate2, Path: path, Data: []byte("data"), ACL: acl, Flags: flags}
}

func store(path, data string) jute.Operation {
	o := create(path, 0)
	o.Data = []byte(data)
	return o
}

func read(op jute.Op, path string, watch bool) jute.Operation {
	return jute.Operation{Op: op, Path: path, Watch: watch}
}

func set(path, data string, version int32) jute.Operation {
	return jute.Operation{Op: jute.OpSetData, Path: path, Data: []byte(data), Version: version}
}

func remove(path string, version int32) jute.Operation {
	return jute.Operation{Op: jute.OpDelete, Path: path, Version: version}
}

func multi(client int, ops ...jute.Operation) step {
	return step{client: client, request: jute.Request{Operation: jute.Operation{Op: jute.OpMulti}, Ops: ops}}
}

func auth(client int, id string) step {
	return step{client: client, request: jute.Request{Xid: jute.XidAuth, Operation: jute.Operation{Op: jute.OpAuth, Data: []byte(id)}, Scheme: "digest"}}
}

func addWatch(client int, path string, mode int32) step {
	return step{client: client, request: jute.Request{Operation: jute.Operation{Op: jute.OpAddWatch, Path: path}, Mode: mode}}
}

// The scripts are what recipes do, and what is easily done in another order.
var scripts = map[string]script{
	"a queue of three for a lock": {
		by(0, create("/lock", 0)),
		by(0, create("/lock/x-", 3)), by(1, create("/lock/x-", 3)), by(2, create("/lock/x-", 3)),
		by(1, read(jute.OpGetChildren, "/lock", false)),
		by(1, read(jute.OpGetData, "/lock/x-0000000000", true)), by(2, read(jute.OpExists, "/lock/x-0000000001", true)),
		by(0, remove("/lock/x-0000000000", -1)), by(1, read(jute.OpGetChildren2, "/lock", false)),
		{client: 1, action: leave},
		by(2, read(jute.OpGetChildren2, "/lock", false)), by(0, create("/lock/x-", 3)),
	},
	"every event of one znode": {
		by(0, read(jute.OpExists, "/n", true)), by(1, create("/n", 0)),
		by(0, read(jute.OpGetData, "/n", true)), by(0, read(jute.OpGetChildren, "/n", true)), by(0, read(jute.OpExists, "/n", true)),
		by(1, set("/n", "two", -1)), by(0, read(jute.OpGetData, "/n", true)),
		by(1, create("/n/c", 1)), by(0, read(jute.OpGetChildren, "/n", true)), by(1, remove("/n/c", 0)),
		by(0, read(jute.OpGetChildren, "/n", true)), by(1, remove("/n", -1)),
		by(0, read(jute.OpGetData, "/n", true)), by(0, read(jute.OpGetChildren, "/n", true)), by(1, create("/n", 0)),
	},
	"a watch from the root down": {
		addWatch(2, "/", 1), by(0, create("/a", 0)), by(0, create("/a/b", 0)), by(1, set("/a/b", "x", -1)),
		multi(1, create("/a/b/c", 0), set("/a", "y", 0), remove("/a/b/c", 0)), by(0, remove("/a/b", 1)), by(0, remove("/a", 1)),
	},
	"a watch that stays": {
		addWatch(2, "/a", 0), by(0, create("/a", 0)), by(0, create("/a/b", 0)), by(0, create("/a/b/c", 0)), by(0, set("/a", "x", -1)),
		by(0, remove("/a/b/c", -1)), by(0, remove("/a/b", -1)), by(0, remove("/a", -1)), by(0, create("/a", 2)),
	},
	"all or nothing": {
		multi(0, create("/m", 0), create("/m/s", 2), create("/m/s", 2), set("/m", "x", 0), jute.Operation{Op: jute.OpCheck, Path: "/m", Version: 1}),
		multi(0, create("/k", 0), remove("/m", -1), create("/l", 0)),
		multi(0), multi(0, jute.Operation{Op: jute.OpCheck, Path: "/none", Version: -1}),
		multi(0, remove("/m/s0000000000", -1), remove("/m/s0000000001", -1), remove("/m", -1), create("/m", 1), create("/m/c", 0)),
		by(1, read(jute.OpGetChildren2, "/", false)),
	},
	"who may": {
		auth(0, "ann:one"),
		by(0, create("/p", 0, znode.ACL{Perms: znode.PermAll, Scheme: "auth"})), by(1, read(jute.OpGetData, "/p", false)),
		by(1, create("/p/c", 0)), by(1, set("/p", "x", -1)), by(1, read(jute.OpGetACL, "/p", false)), by(1, remove("/p", -1)),
		auth(1, "ann:two"), by(1, read(jute.OpGetData, "/p", false)), auth(1, "ann:one"), by(1, read(jute.OpGetData, "/p", false)),
		by(1, read(jute.OpGetACL, "/p", false)), auth(2, "super:test"), by(2, set("/p", "y", 0)), by(2, read(jute.OpGetACL, "/p", false)),
		by(2, jute.Operation{Op: jute.OpSetACL, Path: "/p", ACL: []znode.ACL{{Perms: znode.PermRead, Scheme: "world", ID: "anyone"}}, Version: 0}),
		by(0, set("/p", "z", -1)), by(0, read(jute.OpGetACL, "/p", false)), by(1, jute.Operation{Op: jute.OpWhoAmI}),
	},
	// Where there is too much already 3.8 refuses sets that make it less, and it does not count what
	// a multi has done so far.
	"a quota": {
		by(0, store("/q", "12345")), by(0, store("/q/a", "12345")), by(0, store("/o", "12345")),
		by(0, create(quotas, 0)), by(0, create(quotas+"/q", 0)),
		by(0, store(quotas+"/q/zookeeper_limits", "count=2,bytes=-1=;byteHardLimit=30;countHardLimit=4")),
		by(0, store(quotas+"/q/zookeeper_stats", "count=-1,bytes=-1")),
		by(1, read(jute.OpGetData, quotas+"/q/zookeeper_stats", true)),
		by(0, store("/q/b", "")), by(1, read(jute.OpGetData, quotas+"/q/zookeeper_stats", true)),
		by(0, set("/q/b", "123456789012345678901", -1)), by(0, set("/q/b", "12345678901234567890", -1)),
		by(0, set("/q/b", "123456789012345678901", 7)), by(0, set("/q/b", "1", 7)), by(0, set("/q/none", "1", 7)),
		by(1, read(jute.OpExists, quotas+"/q/zookeeper_stats", false)), by(1, read(jute.OpGetChildren2, quotas+"/q/zookeeper_stats", false)),
		by(0, store("/q/c", "1")), by(0, store("/q/c", "")), by(0, store("/q/d", "")), by(0, store("/q/d/e", "")), by(0, store("/q/c/e", "")),
		by(0, create("/q/s-", 2)), by(0, create("/q/e", 1)),
		multi(0, set("/q/b", "1", 1), store("/q/d", "")), multi(0, remove("/q/c", -1), create("/o/a", 0)),
		by(1, read(jute.OpGetData, quotas+"/q/zookeeper_stats", true)), by(0, create("/q/e", 1)), by(1, create("/q/f", 1)),
		{client: 0, action: leave},
		by(1, create("/q/f", 1)), by(1, read(jute.OpGetData, quotas+"/q/zookeeper_stats", true)),
		by(0, remove(quotas+"/q/zookeeper_limits", -1)), by(0, create("/q/g", 0)), by(0, create("/q/h", 0)), by(0, set("/q/b", "123456789012345678901", -1)),
		by(0, store(quotas+"/q/zookeeper_limits", "count=2,bytes=2")), by(0, create("/q/i", 0)),
	},
	"away for a while": {
		by(0, create("/a", 0)), by(0, create("/e", 1)), by(1, read(jute.OpGetData, "/a", true)),
		{client: 1, action: drop},
		by(0, set("/a", "x", -1)), by(0, create("/a/b", 0)), by(2, read(jute.OpExists, "/e", true)),
		{client: 1, action: renew, request: jute.Request{Watches: znode.WatchLists{
			Data: []string{"/a", "/gone"}, Exist: []string{"/late", "/a/b"}, Children: []string{"/a", "/"},
		}}},
		by(0, create("/late", 0)), by(0, create("/a/c", 0)),
		{client: 0, action: leave},
		by(1, read(jute.OpGetEphemerals, "/", false)),
	},
}

func TestScripted(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pair{"alone": alone(t), "at a follower": follower(t)} {
		for what, s := range scripts {
			t.Run(name+"/"+what, func(t *testing.T) { p.check(t, what, s) })
		}
	}
}
