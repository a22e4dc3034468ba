package zkapi_test

import (
	"slices"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestReplies(t *testing.T) {
	emptied(t)
	t.Run("17 18 19 20 answers come in order, with the request's xid", func(t *testing.T) {
		c := connect(t)
		c.do(create("/order", 0), znode.OK)
		c.send(jute.Request{Xid: 1, Operation: set("/order", "x")})
		c.send(jute.Request{Xid: 2, Operation: get(jute.OpGetData, "/order", false)})
		c.send(jute.Request{Xid: 7, Operation: jute.Operation{Op: jute.OpSetWatches}})
		c.send(jute.Request{Xid: 5, Operation: jute.Operation{Op: jute.OpAuth, Data: []byte("u:p")}, Scheme: "digest"})
		c.send(jute.Request{Xid: jute.XidSetWatches, Operation: jute.Operation{Op: jute.OpSetWatches}})
		c.send(jute.Request{Xid: jute.XidAuth, Operation: jute.Operation{Op: jute.OpAuth, Data: []byte("u:p")}, Scheme: "digest"})
		c.send(jute.Request{Xid: 3, Operation: remove("/order")})
		var got []int32
		zxid := int64(0)
		for _, op := range []jute.Op{jute.OpSetData, jute.OpGetData, jute.OpSetWatches, jute.OpAuth, jute.OpSetWatches, jute.OpAuth, jute.OpDelete} {
			r := c.next(op)
			if op == jute.OpGetData && string(r.Data) != "x" {
				t.Errorf("the read behind the write got %q", r.Data)
			}
			if r.Code != znode.OK || (op != jute.OpAuth && r.Zxid < zxid) {
				t.Errorf("%v: %+v", op, r)
			}
			zxid = max(zxid, r.Zxid)
			got = append(got, r.Xid)
		}
		if want := []int32{1, 2, 7, 5, -8, -4, 3}; !slices.Equal(got, want) {
			t.Errorf("xids %v, want %v", got, want)
		}
	})
	t.Run("21 unknown operations are refused, and the connection ends", func(t *testing.T) {
		for _, op := range []jute.Op{999, jute.OpCheck, jute.OpDeleteContainer, jute.OpCreateSession, jute.OpNotification} {
			c := connect(t)
			c.do(jute.Operation{Op: op, Path: "/"}, znode.ErrUnimplemented)
			c.closed()
		}
	})
	t.Run("22 a request that is cut short is refused, and the connection goes on", func(t *testing.T) {
		c := connect(t)
		c.write([]byte{0, 0, 0, 10, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0})
		if r := c.next(jute.OpCreate); r.Xid != 9 || r.Code != znode.ErrMarshalling {
			t.Errorf("%+v", r)
		}
		c.do(get(jute.OpExists, "/", false), znode.OK)
	})
	t.Run("26 a wrong scheme ends the connection", func(t *testing.T) {
		c := connect(t)
		if r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpAuth}, Scheme: "nonsense"}); r.Code != znode.ErrAuthFailed {
			t.Errorf("%+v", r)
		}
		c.closed()
	})
}

func TestWrites(t *testing.T) {
	emptied(t)
	c := connect(t)
	c.do(create("/writes", 0), znode.OK)
	t.Run("28 29 30 a create, and its parent", func(t *testing.T) {
		before := c.do(get(jute.OpExists, "/writes", false), znode.OK).Stat
		made := c.do(create("/writes/a", 0), znode.OK)
		s := made.Stat
		if made.Path != "/writes/a" || s.Czxid != s.Mzxid || s.Czxid != s.Pzxid || s.Ctime != s.Mtime || s.Version != 0 || s.DataLength != 4 {
			t.Errorf("%+v", made)
		}
		after := c.do(get(jute.OpExists, "/writes", false), znode.OK).Stat
		want := before
		want.NumChildren++
		want.Cversion++
		want.Pzxid = s.Czxid
		if after != want {
			t.Errorf("parent %+v, want %+v", after, want)
		}
	})
	t.Run("31 32 33 34 36 37 39 refusals", func(t *testing.T) {
		c.do(create("/writes/e", jute.FlagEphemeral), znode.OK)
		for path, code := range map[string]znode.Code{
			"/missing/x": znode.ErrNoNode, "/writes": znode.ErrNodeExists, "/": znode.ErrNodeExists,
			"a": znode.ErrBadArguments, "/writes/": znode.ErrBadArguments, "/writes//b": znode.ErrNoNode,
			"/writes/e/x": znode.ErrNoChildrenForEphemerals, "/writes/\x01": znode.ErrBadArguments,
			"/writes/\U0001F600": znode.ErrBadArguments, "/writes/\xff": znode.ErrBadArguments,
			"/writes/.": znode.ErrBadArguments, "/writes/..": znode.ErrBadArguments,
			"/writes/日本": znode.OK, "/writes/..a": znode.OK,
		} {
			c.do(create(path, 0), code)
		}
		for _, flags := range []int32{7, -1, jute.FlagTTL} {
			c.do(create("/writes/flags", flags), znode.ErrBadArguments)
		}
		ttl := create("/writes/ttl", 0)
		ttl.Op, ttl.TTL = jute.OpCreateTTL, 1000
		c.do(ttl, znode.ErrBadArguments)
		ttl.Flags, ttl.TTL = jute.FlagTTL, 0
		c.do(ttl, znode.ErrBadArguments)
		ttl.TTL = 100_000
		if r := c.do(ttl, znode.OK); r.Stat.EphemeralOwner != 0 {
			t.Errorf("39 owner of a TTL znode %x", r.Stat.EphemeralOwner)
		}
	})
	t.Run("38 null and empty data", func(t *testing.T) {
		o := create("/writes/null", 0)
		o.Data = nil
		c.do(o, znode.OK)
		o.Path, o.Data = "/writes/empty", []byte{}
		c.do(o, znode.OK)
		if r := c.do(get(jute.OpGetData, "/writes/null", false), znode.OK); r.Data != nil {
			t.Errorf("null reads as %v", r.Data)
		}
		if r := c.do(get(jute.OpGetData, "/writes/empty", false), znode.OK); r.Data == nil || len(r.Data) > 0 {
			t.Errorf("empty reads as %v", r.Data)
		}
	})
	t.Run("41 42 43 47 sequence numbers", func(t *testing.T) {
		c.do(create("/writes/seq", 0), znode.OK)
		for _, want := range []string{"/writes/seq/a-0000000000", "/writes/seq/0000000001"} {
			o := create("/writes/seq/", jute.FlagSequential)
			if want[len("/writes/seq/")] == 'a' {
				o.Path += "a-"
			}
			if r := c.do(o, znode.OK); r.Path != want {
				t.Errorf("%q, want %q", r.Path, want)
			}
		}
		c.do(create("/writes/seq/0000000001", 0), znode.ErrNodeExists)
		c.do(remove("/writes/seq/0000000001"), znode.OK)
		c.do(create("/writes/seq/plain", 0), znode.OK)
		if r := c.do(create("/writes/seq/b-", jute.FlagSequential), znode.OK); r.Path != "/writes/seq/b-0000000003" {
			t.Errorf("%q", r.Path)
		}
	})
	t.Run("48 49 53 54 versions", func(t *testing.T) {
		c.do(jute.Operation{Op: jute.OpDelete, Path: "/writes", Version: 5}, znode.ErrBadVersion)
		c.do(remove("/writes"), znode.ErrNotEmpty)
		c.do(remove("/missing"), znode.ErrNoNode)
		for _, path := range []string{"/", "/zookeeper", "/zookeeper/config"} {
			c.do(remove(path), znode.ErrBadArguments)
		}
		c.do(jute.Operation{Op: jute.OpSetData, Path: "/writes", Version: -2}, znode.ErrBadVersion)
		if r := c.do(set("/writes", "new"), znode.OK); r.Stat.Version != 1 {
			t.Errorf("%+v", r.Stat)
		}
	})
}

func TestMulti(t *testing.T) {
	emptied(t)
	c := connect(t)
	c.do(create("/multi", 0), znode.OK)
	t.Run("65 67 68 69 all at one zxid, each seeing the ones before", func(t *testing.T) {
		container := create("/multi/c", jute.FlagContainer)
		container.Op = jute.OpCreateContainer
		plain := create("/multi/p", 0)
		plain.Op = jute.OpCreate
		r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMulti}, Ops: []jute.Operation{
			create("/multi/a", 0),
			{Op: jute.OpSetData, Path: "/multi/a", Version: 0},
			{Op: jute.OpCheck, Path: "/multi/a", Version: 1},
			remove("/multi/a"), container, plain,
		}})
		var ops []jute.Op
		for _, part := range r.Results {
			ops = append(ops, part.Op)
		}
		want := []jute.Op{jute.OpCreate2, jute.OpSetData, jute.OpCheck, jute.OpDelete, jute.OpCreate2, jute.OpCreate}
		if r.Code != znode.OK || !slices.Equal(ops, want) {
			t.Fatalf("%+v", r)
		}
		if s := r.Results[1].Stat; s.Version != 1 || s.Czxid != s.Mzxid || s.Czxid != r.Results[4].Stat.Czxid {
			t.Errorf("%+v", s)
		}
	})
	t.Run("66 or nothing", func(t *testing.T) {
		r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMulti}, Ops: []jute.Operation{
			create("/multi/b", 0), remove("/multi/missing"), create("/multi/d", 0),
		}})
		var codes []znode.Code
		for _, part := range r.Results {
			codes = append(codes, part.Code)
		}
		if want := []znode.Code{znode.OK, znode.ErrNoNode, znode.ErrRuntimeInconsistency}; r.Code != znode.OK || !slices.Equal(codes, want) {
			t.Errorf("%+v", r)
		}
		c.do(get(jute.OpExists, "/multi/b", false), znode.ErrNoNode)
	})
	t.Run("71 72 73 what may stand in one", func(t *testing.T) {
		if r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMulti}}); r.Code != znode.OK || len(r.Results) != 0 {
			t.Errorf("empty: %+v", r)
		}
		acl := []jute.Operation{{Op: jute.OpSetACL, Path: "/multi", ACL: znode.OpenACL}}
		if r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMulti}, Ops: acl}); r.Code != znode.ErrMarshalling {
			t.Errorf("setACL: %+v", r)
		}
		many := make([]jute.Operation, 2000)
		for i := range many {
			many[i] = create("/multi/many-", jute.FlagSequential)
		}
		if r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMulti}, Ops: many}); len(r.Results) != len(many) || r.Results[1999].Op != jute.OpCreate2 {
			t.Errorf("many: %d results, %v", len(r.Results), r.Code)
		}
		r := c.call(jute.Request{Operation: jute.Operation{Op: jute.OpMultiRead}, Ops: []jute.Operation{
			get(jute.OpGetData, "/multi", false), get(jute.OpGetData, "/missing", false), get(jute.OpGetChildren, "/zookeeper", false),
		}})
		if len(r.Results) != 3 || string(r.Results[0].Data) != "data" || r.Results[1].Code != znode.ErrNoNode || len(r.Results[2].Children) != 2 {
			t.Errorf("multiRead: %+v", r)
		}
	})
}
