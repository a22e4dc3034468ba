package znode

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A replica plays the writer and two members: one that follows the change lists, and the keys
// that a third would load.
type replica struct {
	tree     *Tree
	draft    *Draft
	nodes    map[string]Content
	counters map[string]Counters
	sessions map[SessionID]Session
	fences   map[string]int64
	zxid     int64
	now      int64
}

func newReplica() *replica {
	t := NewTree()
	return &replica{
		tree: t, draft: NewDraft(t), zxid: 100, now: 1_000_000,
		nodes: map[string]Content{}, counters: map[string]Counters{},
		sessions: map[SessionID]Session{}, fences: map[string]int64{},
	}
}

// judge puts a request into the batch.
func (r *replica) judge(req *Request) Code {
	r.now++
	code, used := r.draft.Judge(req, r.zxid+1, r.now)
	if used {
		r.zxid = r.draft.Newest()
	}
	return code
}

// commit ends the batch: the keys take the final values, the tree the changes.
func (r *replica) commit(t rapid.TB) []Effect {
	t.Helper()
	changes := slices.Clone(r.draft.Changes())
	r.keep(t)
	var effects []Effect
	for i := range changes {
		e := r.tree.Apply(&changes[i], r.content)
		if e.Err != nil {
			t.Fatalf("Apply(%+v) = %v", changes[i], e.Err)
		}
		effects = append(effects, e)
	}
	return effects
}

// keep puts what the draft leaves into the keys, and empties the draft.
func (r *replica) keep(t rapid.TB) {
	t.Helper()
	r.putKeys(t)
	r.draft.Reset()
}

func (r *replica) putKeys(t rapid.TB) {
	t.Helper()
	for path, c := range r.draft.Nodes() {
		if c == nil {
			if _, ok := r.nodes[path]; !ok {
				t.Errorf("batch deletes the key of %q, which is not there", path)
			}
			delete(r.nodes, path)
			continue
		}
		r.nodes[path] = *c
	}
	for path, c := range r.draft.Counters() {
		if c == nil {
			if _, ok := r.counters[path]; !ok {
				t.Errorf("batch deletes the counters of %q, which are not there", path)
			}
			delete(r.counters, path)
			continue
		}
		r.counters[path] = *c
	}
	for id, s := range r.draft.Sessions() {
		if s == nil {
			if _, ok := r.sessions[id]; !ok {
				t.Errorf("batch deletes the key of session %d, which is not there", id)
			}
			delete(r.sessions, id)
			continue
		}
		r.sessions[id] = *s
	}
	maps.Insert(r.fences, r.draft.Fences())
}

func (r *replica) content(path string) (Content, bool) {
	c, ok := r.nodes[path]
	return c, ok
}

// load returns the tree that the keys make.
func (r *replica) load(t rapid.TB) *Tree {
	t.Helper()
	fresh := NewTree()
	for path, c := range r.counters {
		fresh.LoadCounters(path, c)
	}
	for path, c := range r.nodes {
		fresh.LoadNode(path, c)
	}
	for _, s := range r.sessions {
		fresh.LoadSession(s)
	}
	for name, token := range r.fences {
		fresh.LoadFence(name, token)
	}
	if err := fresh.Finish(); err != nil {
		t.Fatalf("Finish() = %v", err)
	}
	return fresh
}

// A picture is all that can be seen of a tree.
type picture struct {
	Nodes      map[string]nodePicture
	Sessions   map[SessionID]Session
	Ephemerals map[SessionID][]string
	Fences     map[string]int64
	Quotas     map[string]Quota
	Reapable   []string
	Len        int
	Size       int64
	Count      int
}

type nodePicture struct {
	Content    Content
	Stat       Stat
	Creates    int64
	Children   []string
	Contenders []string
	Holders    []string
}

func pictureOf(t *Tree, now int64) picture {
	p := picture{
		Nodes: map[string]nodePicture{}, Sessions: map[SessionID]Session{},
		Ephemerals: map[SessionID][]string{}, Quotas: map[string]Quota{}, Fences: maps.Collect(t.Fences()),
		Reapable: t.Reapable(now, 1000), Len: t.Len(), Size: t.DataSize(), Count: t.EphemeralCount(),
	}
	for n := range t.All() {
		np := nodePicture{Content: n.Content(), Stat: n.Stat(), Creates: n.Counters().Creates, Children: n.ChildNames()}
		for name := range n.Contenders() {
			np.Contenders = append(np.Contenders, name)
		}
		for h := range n.Holders() {
			np.Holders = append(np.Holders, h.Name())
		}
		if len(np.Contenders) != n.NumContenders() {
			np.Contenders = append(np.Contenders, fmt.Sprint("but counts ", n.NumContenders()))
		}
		p.Nodes[n.Path()] = np
	}
	for path, q := range t.quotas {
		p.Quotas[path] = *q
	}
	for s := range t.Sessions() {
		p.Sessions[s.ID] = *s
		p.Ephemerals[s.ID] = slices.Collect(t.Ephemerals(s.ID))
	}
	return p
}

// compare checks that the keys and the change lists made the same tree.
func (r *replica) compare(t rapid.TB) {
	t.Helper()
	want, got := pictureOf(r.tree, r.now), pictureOf(r.load(t), r.now)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("tree applied (-) and tree loaded (+) differ:\n%s", diff)
	}
	for path := range r.counters {
		if r.counters[path].Creates == 0 {
			t.Errorf("%q has a counter key but never had a child", path)
		}
	}
}

// TestKeysAndChangesAgree is the property that replication stands on.
func TestKeysAndChangesAgree(t *testing.T) {
	rapid.Check(t, keysAndChangesAgree)
}

// FuzzKeysAndChanges drives the same property with bytes that the fuzzer finds.
func FuzzKeysAndChanges(f *testing.F) {
	f.Add([]byte("a seed"))
	f.Add(bytes.Repeat([]byte{0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233}, 40))
	f.Add(bytes.Repeat([]byte{255, 0, 7}, 300))
	f.Fuzz(rapid.MakeFuzz(keysAndChangesAgree))
}

func keysAndChangesAgree(t *rapid.T) {
	r := newReplica()
	r.draft.EnforceQuota = rapid.Bool().Draw(t, "enforce")
	for id := range SessionID(rapid.IntRange(0, 3).Draw(t, "sessions")) {
		r.judge(&Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: id + 1, Owner: Owner{Member: 1}}}}})
	}
	for range rapid.IntRange(1, 8).Draw(t, "batches") {
		for range rapid.IntRange(1, 12).Draw(t, "requests") {
			if rapid.IntRange(0, 12).Draw(t, "expire") == 0 {
				id := SessionID(rapid.IntRange(1, 4).Draw(t, "overdue"))
				if r.draft.Expire(id, r.zxid+1, r.now) {
					r.zxid++
				}
				continue
			}
			r.judgeAndCheck(t, drawRequest(t))
			r.grants()
		}
		r.grants()
		drafted := r.drafted()
		r.commit(t)
		r.compare(t)
		if diff := cmp.Diff(queuesOf(r.tree), drafted); diff != "" {
			t.Fatalf("queues of the tree (-) and of the draft before (+) differ:\n%s", diff)
		}
	}
}

// judgeAndCheck judges a request and checks what holds for every outcome.
func (r *replica) judgeAndCheck(t rapid.TB, req *Request) {
	t.Helper()
	before := len(r.draft.Changes())
	r.draft.Full = req.ID.Number%16 == 15
	code := r.judge(req)
	entries := r.draft.Changes()[before:]
	if len(entries) == 0 || !entries[len(entries)-1].Last {
		t.Fatalf("Judge(%+v) left no last entry: %+v", req, entries)
	}
	if code != OK {
		if len(entries) != 1 || entries[0].Kind != Refused || entries[0].Code != code || entries[0].Zxid != 0 {
			t.Fatalf("Judge(%+v) = %v with entries %+v; want one refusal", req, code, entries)
		}
		return
	}
	answers := 0
	for _, e := range entries {
		if e.Kind == Refused {
			t.Fatalf("Judge(%+v) = OK with a refusal", req)
		}
		if !e.Aux {
			answers++
		}
	}
	if answers != max(1, len(req.Ops)) {
		t.Fatalf("Judge(%+v): %d answers for %d operations", req, answers, len(req.Ops))
	}
}
