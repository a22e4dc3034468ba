package znode

import (
	"fmt"
	"slices"
	"testing"
)

// BenchmarkLockCycle judges and applies what an uncontended lock costs: create and delete a
// contender, fifty requests to a batch.
func BenchmarkLockCycle(b *testing.B) {
	const batch = 50
	r := newReplica()
	r.judge(&Request{Ops: []Op{{Kind: OpOpen, Session: Session{ID: 1}}}})
	for i := range batch {
		r.judge(&Request{Ops: []Op{container(fmt.Sprintf("/lock-%d", i))}})
	}
	r.commit(b)
	acquire := make([]*Request, batch)
	for i := range acquire {
		op := ephemeral(fmt.Sprintf("/lock-%d/_c_0123456789abcdef-lock-", i))
		op.Sequential = true
		acquire[i] = &Request{ID: RequestID{1, 1, 1}, Session: 1, Ops: []Op{op}}
	}
	release := &Request{ID: RequestID{1, 1, 2}, Session: 1, Ops: []Op{remove("")}}
	contents := map[string]Content{}
	content := func(path string) (Content, bool) { c, ok := contents[path]; return c, ok }
	ws := NewWatches()
	ws.Add("/elsewhere", &ear{}, WatchData)
	flush := func() {
		clear(contents)
		for path, c := range r.draft.Nodes() {
			if c != nil {
				contents[path] = *c
			}
		}
		for range r.draft.Counters() {
		}
		changes := r.draft.Changes()
		for i := range changes {
			e := r.tree.Apply(&changes[i], content)
			if e.Err != nil {
				b.Fatal(e.Err)
			}
			ws.Fire(&changes[i], &e)
		}
		r.draft.Reset()
	}
	var made []string
	b.ReportAllocs()
	for b.Loop() {
		made = made[:0]
		for _, req := range acquire {
			r.judge(req)
		}
		for _, c := range r.draft.Changes() {
			made = append(made, c.Path)
		}
		flush()
		for _, path := range made {
			release.Ops[0].Path = path
			r.judge(release)
		}
		flush()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2*batch), "ns/request")
}

// BenchmarkWatchCycle arms one watch on one of many watched paths and fires it.
func BenchmarkWatchCycle(b *testing.B) {
	ws := NewWatches()
	for i := range 100_000 {
		ws.Add(fmt.Sprintf("/l/waiter-%d", i), &ear{}, WatchData)
	}
	tree := NewTree()
	root, _ := tree.Get("/")
	c := &Change{Kind: Deleted, Path: "/l/waiter", Zxid: 1}
	e := &Effect{Node: &Node{path: "/l/waiter", acl: OpenACL}, Parent: root}
	w := &ear{heard: slices.Grow([]Event(nil), 1)}
	b.ReportAllocs()
	for b.Loop() {
		ws.Add("/l/waiter", w, WatchData)
		ws.Fire(c, e)
		w.heard = w.heard[:0]
	}
}
