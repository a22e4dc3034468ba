package store_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

func create(path string) *znode.Request {
	return &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: path, ACL: znode.OpenACL, Parents: true}}}
}

func numbered(stem string) *znode.Request {
	return &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: stem, ACL: znode.OpenACL, Sequential: true, Parents: true}}}
}

func set(path, data string) *znode.Request {
	return &znode.Request{Ops: []znode.Op{{Kind: znode.OpSetData, Path: path, Data: []byte(data), Version: -1}}}
}

func remove(path string) *znode.Request {
	return &znode.Request{Ops: []znode.Op{{Kind: znode.OpDelete, Path: path, Version: -1}}}
}

// do makes a request that must succeed.
func do(t *testing.T, m *membertest.Member, r *znode.Request) znode.Outcome {
	t.Helper()
	out, err := m.Store.Do(membertest.Context(t, quorumtest.Patience), r)
	if err != nil || out.Code != znode.OK {
		t.Fatalf("%v %.60q at %s = %v, %v", r.Ops[0].Kind, r.Ops[0].Path, m.Name(), out.Code, err)
	}
	return out
}

// refused makes a request that must be refused with code.
func refused(t *testing.T, m *membertest.Member, r *znode.Request, code znode.Code) {
	t.Helper()
	out, err := m.Store.Do(membertest.Context(t, quorumtest.Patience), r)
	if err != nil || out.Code != code {
		t.Fatalf("%v %.60q = %v, %v; want %v", r.Ops[0].Kind, r.Ops[0].Path, out.Code, err, code)
	}
}

// data is a znode's contents in a member's tree.
func data(m *membertest.Member, path string) (text string, ok bool) {
	m.Store.View(func(tree *znode.Tree, _ int64) {
		var n *znode.Node
		if n, ok = tree.Get(path); ok {
			text = string(n.Data())
		}
	})
	return text, ok
}

func children(m *membertest.Member, path string) (names []string) {
	m.Store.View(func(tree *znode.Tree, _ int64) {
		if n, ok := tree.Get(path); ok {
			names = n.ChildNames()
		}
	})
	return names
}

// short is a context for what is to run out of time.
func short(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	return membertest.Context(t, d)
}

// served waits until m's requests are answered.
func served(t *testing.T, m *membertest.Member) {
	t.Helper()
	do(t, m, &znode.Request{Ops: []znode.Op{{Kind: znode.OpCheck, Path: "/", Version: -1}}})
}
