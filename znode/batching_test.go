package znode

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A moment is what a watcher or a client could see while a change list is walked.
type moment struct {
	Change    Change
	Result    Result
	NodeACL   []ACL // what events of the change are filtered by
	ParentACL []ACL
}

// walk commits the batch like commit, looking at each change as it is applied.
func (r *replica) walk(t rapid.TB) []moment {
	t.Helper()
	changes := slices.Clone(r.draft.Changes())
	r.keep(t)
	var moments []moment
	for i := range changes {
		c := &changes[i]
		e := r.tree.Apply(c, r.content)
		if e.Err != nil {
			t.Fatalf("Apply(%+v) = %v", c, e.Err)
		}
		m := moment{Change: *c, Result: e.Result}
		m.Change.ACL = nil // only there when the keys do not tell
		if e.Node != nil {
			m.NodeACL = slices.Clone(e.Node.ACL())
		}
		if e.Parent != nil {
			m.ParentACL = slices.Clone(e.Parent.ACL())
		}
		moments = append(moments, m)
	}
	return moments
}

// TestBatchingDoesNotShow judges the same requests in one batch and in a batch each. Results,
// Stats and the ACLs in force at each step must be the same, though a batch's keys hold only the
// last of everything.
func TestBatchingDoesNotShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, many := newReplica(), newReplica()
		var requests []*Request
		for id := range SessionID(rapid.IntRange(1, 3).Draw(t, "sessions")) {
			requests = append(requests, &Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: id + 1, Owner: Owner{Member: 1}}}}})
		}
		for range rapid.IntRange(1, 30).Draw(t, "requests") {
			requests = append(requests, drawRequest(t))
		}
		var apart []moment
		for _, req := range requests {
			a, b := one.judge(req), many.judge(req)
			if a != b {
				t.Fatalf("%+v: %v within a batch, %v as its own", req, a, b)
			}
			one.grants()
			many.grants()
			apart = append(apart, many.walk(t)...)
		}
		together := one.walk(t)
		if diff := cmp.Diff(apart, together); diff != "" {
			t.Fatalf("batches of one request each (-) and one batch (+) differ:\n%s", diff)
		}
		if diff := cmp.Diff(pictureOf(many.tree, many.now), pictureOf(one.tree, one.now)); diff != "" {
			t.Fatalf("trees differ:\n%s", diff)
		}
	})
}
