package znode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A landed batch is in the keys; the tree may have applied it or not.
type landed struct {
	changes  []Change
	contents map[string]Content
}

// An ahead judges each batch above the one before, which its tree need not show yet.
type ahead struct {
	*replica
	other  *Draft // of the batch before
	behind *landed
}

// land ends the batch at hand and begins the next one above it.
func (a *ahead) land(t rapid.TB) []Change {
	t.Helper()
	a.show(t)
	a.other.Reset()
	batch := &landed{changes: append([]Change(nil), a.draft.Changes()...), contents: map[string]Content{}}
	for path, c := range a.draft.Nodes() {
		if c != nil {
			batch.contents[path] = *c
		}
	}
	a.putKeys(t)
	a.behind = batch
	a.draft, a.other = a.other, a.draft
	if a.other.ChangesQuotas() {
		a.show(t)
	}
	a.draft.Above(a.other)
	return batch.changes
}

// show lets the tree apply the batch before.
func (a *ahead) show(t rapid.TB) {
	t.Helper()
	if a.behind == nil {
		return
	}
	for i := range a.behind.changes {
		e := a.tree.Apply(&a.behind.changes[i], func(path string) (Content, bool) {
			c, ok := a.behind.contents[path]
			return c, ok
		})
		if e.Err != nil {
			t.Fatalf("Apply(%+v) = %v", a.behind.changes[i], e.Err)
		}
	}
	a.behind = nil
}

// TestJudgingAboveDoesNotShow judges the same batches once on a tree that shows all before, and
// once above a batch that the tree shows at any moment or not yet: the codes, the change lists
// and the keys must be the same.
func TestJudgingAboveDoesNotShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := newReplica()
		above := &ahead{replica: newReplica()}
		above.other = NewDraft(above.tree)
		enforce := rapid.Bool().Draw(t, "enforce")
		plain.draft.EnforceQuota, above.draft.EnforceQuota, above.other.EnforceQuota = enforce, enforce, enforce
		for range rapid.IntRange(1, 10).Draw(t, "batches") {
			for range rapid.IntRange(1, 8).Draw(t, "requests") {
				if rapid.IntRange(0, 3).Draw(t, "show") == 0 {
					above.show(t)
				}
				switch rapid.IntRange(0, 8).Draw(t, "what") {
				case 0:
					id := SessionID(rapid.IntRange(1, 3).Draw(t, "overdue"))
					p, a := plain.draft.Expire(id, plain.zxid+1, plain.now), above.draft.Expire(id, above.zxid+1, above.now)
					if p != a {
						t.Fatalf("Expire(%d): %v plain, %v above", id, p, a)
					}
					if p {
						plain.zxid++
						above.zxid++
					}
				case 1:
					id := SessionID(rapid.IntRange(1, 3).Draw(t, "session"))
					open := &Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: id, Owner: Owner{Member: 1}}}}}
					if p, a := plain.judge(open), above.judge(open); p != a {
						t.Fatalf("open of %d: %v plain, %v above", id, p, a)
					}
				default:
					req := drawRequest(t)
					if p, a := plain.judge(req), above.judge(req); p != a {
						t.Fatalf("%+v: %v plain, %v above", req, p, a)
					}
				}
				if rapid.IntRange(0, 3).Draw(t, "grant") > 0 { // else with those of the next
					if p, a := plain.grants(), above.grants(); p != a {
						t.Fatalf("%d grants plain, %d above", p, a)
					}
				}
			}
			if p, a := plain.grants(), above.grants(); p != a {
				t.Fatalf("%d grants plain, %d above", p, a)
			}
			want := append([]Change(nil), plain.draft.Changes()...)
			plain.commit(t)
			if diff := cmp.Diff(want, above.land(t)); diff != "" {
				t.Fatalf("change lists, plain (-) and above (+):\n%s", diff)
			}
			if diff := cmp.Diff(plain.nodes, above.nodes); diff != "" {
				t.Fatalf("znodes' keys, plain (-) and above (+):\n%s", diff)
			}
		}
		above.show(t)
		above.compare(t)
		if diff := cmp.Diff(pictureOf(plain.tree, plain.now), pictureOf(above.tree, above.now)); diff != "" {
			t.Fatalf("trees, plain (-) and above (+):\n%s", diff)
		}
	})
}
