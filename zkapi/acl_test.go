package zkapi_test

import (
	"reflect"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

func (c *client) auth(payload string) {
	c.t.Helper()
	q := jute.Request{Operation: jute.Operation{Op: jute.OpAuth, Data: []byte(payload)}, Scheme: "digest"}
	if r := c.call(q); r.Code != znode.OK {
		c.t.Fatalf("auth: %v", r.Code)
	}
}

// TestACL shows 27, 35, 55, 60, 62, 107, 108, 110.
func TestACL(t *testing.T) {
	emptied(t)
	a, b := connect(t), connect(t)
	own := create("/acl", 0)
	own.ACL = []znode.ACL{{Perms: znode.PermAll, Scheme: "auth"}}
	a.do(own, znode.ErrInvalidACL) // 35: nobody is authenticated
	a.auth("user:password")
	a.do(own, znode.OK)
	const id = "user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY="
	r := a.do(jute.Operation{Op: jute.OpGetACL, Path: "/acl"}, znode.OK)
	if want := []znode.ACL{{Perms: znode.PermAll, Scheme: "digest", ID: id}}; !reflect.DeepEqual(r.ACL, want) {
		t.Errorf("107 108 %v, want %v", r.ACL, want)
	}
	b.do(get(jute.OpGetData, "/acl", false), znode.ErrNoAuth)
	b.do(set("/acl", "x"), znode.ErrNoAuth)
	b.do(create("/acl/child", 0), znode.ErrNoAuth)
	b.do(jute.Operation{Op: jute.OpGetACL, Path: "/acl"}, znode.ErrNoAuth)
	// 27: an auth changes nothing for what was read before it.
	b.send(jute.Request{Xid: 1001, Operation: set("/acl", "x")})
	b.send(jute.Request{Xid: 1002, Operation: jute.Operation{Op: jute.OpAuth, Data: []byte("user:password")}, Scheme: "digest"})
	b.send(jute.Request{Xid: 1003, Operation: set("/acl", "x")})
	for _, want := range []struct {
		op   jute.Op
		code znode.Code
	}{{jute.OpSetData, znode.ErrNoAuth}, {jute.OpAuth, znode.OK}, {jute.OpSetData, znode.OK}} {
		if r := b.next(want.op); r.Code != want.code {
			t.Errorf("27 %v: %v, want %v", want.op, r.Code, want.code)
		}
	}
	readable := jute.Operation{Op: jute.OpSetACL, Path: "/acl", Version: 0, ACL: []znode.ACL{
		{Perms: znode.PermRead, Scheme: "world", ID: "anyone"}, {Perms: znode.PermAll, Scheme: "digest", ID: id},
	}}
	if s := a.do(readable, znode.OK).Stat; s.Aversion != 1 || s.Version != 1 {
		t.Errorf("55 %+v", s)
	}
	a.do(readable, znode.ErrBadVersion)
	c := connect(t)
	r = c.do(jute.Operation{Op: jute.OpGetACL, Path: "/acl"}, znode.OK)
	if len(r.ACL) != 2 || r.ACL[1].ID != "user:x" {
		t.Errorf("60 %v", r.ACL)
	}
	readable.Version = -1
	c.do(readable, znode.ErrNoAuth) // 110
	who := a.do(jute.Operation{Op: jute.OpWhoAmI}, znode.OK).Who
	if want := []znode.Credential{{Scheme: "ip", ID: "127.0.0.1"}, {Scheme: "digest", ID: "user"}}; !reflect.DeepEqual(who, want) {
		t.Errorf("62 %v", who)
	}
}

// TestOtherReads shows 61, 116, 117.
func TestOtherReads(t *testing.T) {
	emptied(t)
	c := connect(t)
	c.do(create("/reads", 0), znode.OK)
	c.do(create("/reads/e", jute.FlagEphemeral), znode.OK)
	c.do(create("/reads/p", 0), znode.OK)
	c.do(create("/reads/p/deep", 0), znode.OK)
	if r := c.do(jute.Operation{Op: jute.OpGetAllChildrenNumber, Path: "/reads"}, znode.OK); r.Count != 3 {
		t.Errorf("61 %d", r.Count)
	}
	for prefix, want := range map[string]int{"": 1, "/": 1, "/reads": 1, "/other": 0} {
		if r := c.do(jute.Operation{Op: jute.OpGetEphemerals, Path: prefix}, znode.OK); len(r.Children) != want {
			t.Errorf("61 %q: %v", prefix, r.Children)
		}
	}
	if r := c.do(get(jute.OpGetData, "/zookeeper/config", false), znode.OK); len(r.Data) != 0 {
		t.Errorf("116 %q", r.Data)
	}
	c.do(jute.Operation{Op: jute.OpReconfig}, znode.ErrReconfigDisabled) // 117
}
