package znode

import (
	"testing"
)

// A world is a replica to which tests send one request at a time, each a batch of its own.
type world struct {
	*replica
	t *testing.T
}

func newWorld(t *testing.T) world { return world{newReplica(), t} }

// do sends a request, checks the replica, and returns the code and the results.
func (w world) do(req Request) (Code, []Result) {
	w.t.Helper()
	code := w.judge(&req)
	changes := append([]Change(nil), w.draft.Changes()...)
	w.grants()
	effects := w.commit(w.t)
	w.compare(w.t)
	results := make([]Result, len(req.Ops))
	for i, c := range changes {
		if !c.Aux && int(c.Step) < len(results) {
			results[c.Step] = effects[i].Result
		}
	}
	return code, results
}

// must sends operations of nobody that have to pass, and returns the last one's result.
func (w world) must(ops ...Op) Result {
	w.t.Helper()
	return w.mustAs(0, ops...)
}

func (w world) mustAs(id SessionID, ops ...Op) Result {
	w.t.Helper()
	code, results := w.do(Request{Session: id, Ops: ops})
	if code != OK {
		w.t.Fatalf("session %d: %+v = %v; want ok", id, ops, code)
	}
	return results[len(results)-1]
}

// refused sends operations that have to be refused with the code, and returns the result of the
// one at fault.
func (w world) refused(want Code, req Request) Result {
	w.t.Helper()
	code, results := w.do(req)
	if code != want {
		w.t.Fatalf("%+v = %v; want %v", req, code, want)
	}
	for _, r := range results {
		if r.Code != OK {
			return r
		}
	}
	w.t.Fatalf("%+v: no result says %v", req, want)
	return Result{}
}

func (w world) open(id SessionID) {
	w.t.Helper()
	w.must(Op{Kind: OpOpen, Session: Session{ID: id, Owner: Owner{Member: uint64(id), Generation: 1}}})
}

func (w world) stat(path string) Stat {
	w.t.Helper()
	n, ok := w.tree.Get(path)
	if !ok {
		w.t.Fatalf("no znode %q", path)
	}
	return n.Stat()
}

func (w world) exists(path string) bool {
	_, ok := w.tree.Get(path)
	return ok
}

// Short forms of operations.

func create(path string) Op { return Op{Kind: OpCreate, Path: path, ACL: OpenACL, Data: []byte("d")} }

func ephemeral(path string) Op {
	op := create(path)
	op.Node = Ephemeral
	return op
}

func sequential(path string) Op {
	op := create(path)
	op.Sequential = true
	return op
}

func container(path string) Op {
	op := create(path)
	op.Node = Container
	return op
}

func ttl(path string, ms int64) Op {
	op := create(path)
	op.Node, op.TTL = TTL, ms
	return op
}

func closed(path string, acl ...ACL) Op {
	op := create(path)
	op.ACL = acl
	return op
}

func remove(path string) Op { return Op{Kind: OpDelete, Path: path, Version: -1} }

func set(path, data string) Op {
	return Op{Kind: OpSetData, Path: path, Data: []byte(data), Version: -1}
}

func setACL(path string, acl ...ACL) Op {
	return Op{Kind: OpSetACL, Path: path, ACL: acl, Version: -1}
}

func check(path string, version int32) Op { return Op{Kind: OpCheck, Path: path, Version: version} }

func versioned(op Op, version int32) Op {
	op.Version = version
	return op
}
