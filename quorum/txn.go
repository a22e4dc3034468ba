package quorum

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	etcderrors "go.etcd.io/etcd/server/v3/etcdserver/errors"
	"go.etcd.io/raft/v3"
)

var (
	// ErrDropped is a definite no: the transaction was not proposed, because leadership is
	// moving or too much is waiting to be applied. It may be sent again at once.
	ErrDropped = errors.New("transaction dropped before it was proposed")

	// ErrTooLarge is a definite no: the transaction is larger than MaxTxnBytes.
	ErrTooLarge = errors.New("transaction too large")

	// ErrUnknown means that the transaction may have been committed, may yet be, or never
	// will: only the log tells.
	ErrUnknown = errors.New("outcome of the transaction unknown")
)

// A Txn is a set of changes that are made together, in one revision, if all guards hold. Its
// keys must differ: a key that is named twice gives two events in one revision.
type Txn struct {
	Guards []Guard // none: always made
	Ops    []Op    // at least one
}

// A Guard is a condition on one key at the moment a [Txn] is applied. Comparing reads the
// key's whole value, so guards belong on small ones.
type Guard struct {
	key     string
	version bool // compare the version, not the modification revision
	want    int64
}

// ModRevisionIs holds while key was last put at revision rev; 0: while key does not exist.
func ModRevisionIs(key string, rev int64) Guard { return Guard{key: key, want: rev} }

// VersionIs holds while key has been put n times since it was created; 0: while it does not
// exist.
func VersionIs(key string, n int64) Guard { return Guard{key: key, version: true, want: n} }

// Key is the key that the guard looks at.
func (g Guard) Key() string { return g.key }

// Holds reports whether the guard holds for a key that was last put at revision rev and has
// been put n times since it was created; both are 0 for a key that does not exist.
func (g Guard) Holds(rev, n int64) bool {
	if g.version {
		return n == g.want
	}
	return rev == g.want
}

// An Op puts Value at Key or, with Delete, removes Key, which need not exist. Neither is
// copied: the caller must not change Value afterwards.
type Op struct {
	Key    string
	Value  []byte
	Delete bool
}

// A TxnResult is what became of a transaction whose outcome is known.
type TxnResult struct {
	Committed bool  // false: a guard failed and nothing was changed
	Revision  int64 // of the changes, or at which the guard failed
}

// Txn proposes t and waits until it has been applied here, or refused. It goes straight to
// raft, from a follower by way of the leader. Errors wrap ErrDropped, ErrTooLarge (nothing
// was changed, nor will be), or ErrUnknown, which stands for all others: time-outs, a stopped
// member, a full disk, and the end of ctx, at which Txn returns promptly. It is safe for
// concurrent use.
func (m *Member) Txn(ctx context.Context, t Txn) (TxnResult, error) {
	if len(t.Ops) == 0 {
		return TxnResult{}, fmt.Errorf("%w: a transaction needs an operation", ErrDropped)
	}
	resp, err := m.server.Txn(ctx, t.request())
	if err != nil {
		return TxnResult{}, txnError(ctx, err)
	}
	return TxnResult{Committed: resp.Succeeded, Revision: resp.Header.Revision}, nil
}

func (t Txn) request() *etcdserverpb.TxnRequest {
	r := &etcdserverpb.TxnRequest{
		Compare: make([]*etcdserverpb.Compare, len(t.Guards)),
		Success: make([]*etcdserverpb.RequestOp, len(t.Ops)),
	}
	for i, g := range t.Guards {
		c := &etcdserverpb.Compare{Key: []byte(g.key), Result: etcdserverpb.Compare_EQUAL}
		if g.version {
			c.Target = etcdserverpb.Compare_VERSION
			c.TargetUnion = &etcdserverpb.Compare_Version{Version: g.want}
		} else {
			c.Target = etcdserverpb.Compare_MOD
			c.TargetUnion = &etcdserverpb.Compare_ModRevision{ModRevision: g.want}
		}
		r.Compare[i] = c
	}
	// A large transaction has thousands of small parts: those of a kind are made together.
	size, deletes := 0, 0
	for i := range t.Ops {
		size += len(t.Ops[i].Key)
		if t.Ops[i].Delete {
			deletes++
		}
	}
	keys := make([]byte, 0, size)
	ops := make([]etcdserverpb.RequestOp, len(t.Ops))
	puts := make([]putParts, len(t.Ops)-deletes)
	dels := make([]deleteParts, deletes)
	for i, op := range t.Ops {
		keys = append(keys, op.Key...)
		key := keys[len(keys)-len(op.Key) : len(keys) : len(keys)]
		if op.Delete {
			d := &dels[0]
			dels = dels[1:]
			d.request.Key, d.op.RequestDeleteRange = key, &d.request
			ops[i].Request = &d.op
		} else {
			p := &puts[0]
			puts = puts[1:]
			p.request.Key, p.request.Value, p.op.RequestPut = key, op.Value, &p.request
			ops[i].Request = &p.op
		}
		r.Success[i] = &ops[i]
	}
	return r
}

// What etcd's form of an operation consists of.
type (
	putParts struct {
		request etcdserverpb.PutRequest
		op      etcdserverpb.RequestOp_RequestPut
	}
	deleteParts struct {
		request etcdserverpb.DeleteRangeRequest
		op      etcdserverpb.RequestOp_RequestDeleteRange
	}
)

func txnError(ctx context.Context, err error) error {
	kind := ErrUnknown
	switch {
	case errors.Is(err, raft.ErrProposalDropped), errors.Is(err, etcderrors.ErrTooManyRequests):
		kind = ErrDropped
	case errors.Is(err, etcderrors.ErrRequestTooLarge):
		kind = ErrTooLarge
	}
	if cause := context.Cause(ctx); cause != nil && kind == ErrUnknown {
		return fmt.Errorf("%w: %w: %w", kind, cause, err)
	}
	return fmt.Errorf("%w: %w", kind, err)
}
