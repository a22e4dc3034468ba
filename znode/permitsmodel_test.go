package znode

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A permitModel is a semaphore as its users think of it.
type permitModel struct {
	limit int
	queue []permitPlace
	holds []permitPlace
}

// A permitPlace waits for n permits, or holds them; a foreign one holds the queue's first place as a
// mutex.
type permitPlace struct {
	ID      string
	Session SessionID
	N       int
	Foreign bool
}

func (m *permitModel) inUse() (n int) {
	for _, h := range m.holds {
		n += h.N
	}
	return n
}

// settle grants whatever can be granted.
func (m *permitModel) settle() {
	for len(m.queue) > 0 && !m.queue[0].Foreign && m.inUse()+m.queue[0].N <= m.limit {
		m.holds, m.queue = append(m.holds, m.queue[0]), m.queue[1:]
	}
}

func (m *permitModel) end(id SessionID) {
	gone := func(p permitPlace) bool { return p.Session == id }
	m.queue, m.holds = slices.DeleteFunc(m.queue, gone), slices.DeleteFunc(m.holds, gone)
}

// TestPermitsModel judges acquires, releases, changes of the limit, ends of sessions and what a
// Curator client does, in batches each above one that the tree shows or not, and compares what
// stands with a plain model.
func TestPermitsModel(t *testing.T) { rapid.Check(t, permitsModel) }

func FuzzPermits(f *testing.F) {
	f.Add([]byte("a seed"))
	f.Fuzz(rapid.MakeFuzz(permitsModel))
}

func permitsModel(t *rapid.T) {
	r := &ahead{replica: newReplica()}
	r.other = NewDraft(r.tree)
	m := &permitModel{limit: rapid.IntRange(1, 4).Draw(t, "limit")}
	do := func(by SessionID, op Op) Code { return r.judge(&Request{Session: by, Ops: []Op{op}}) }
	open := func(id SessionID) { do(0, Op{Kind: OpOpen, Session: Session{ID: id}}) }
	for id := range SessionID(3) {
		open(id + 1)
	}
	do(0, setLimit(int32(m.limit)))
	ids := 0
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		if rapid.IntRange(0, 3).Draw(t, "show") == 0 {
			r.show(t)
		}
		by := SessionID(rapid.IntRange(1, 3).Draw(t, "session"))
		switch rapid.SampledFrom([]string{"acquire", "acquire", "acquire", "try", "release", "release", "leave", "limit", "foreign", "end", "delete", "land"}).Draw(t, "what") {
		case "acquire":
			ids++
			p := permitPlace{ID: idOf(ids), Session: by, N: rapid.IntRange(1, 4).Draw(t, "n")}
			if code := do(by, permits(p.ID, int32(p.N), 0)); code != OK != (p.N > m.limit) {
				t.Fatalf("acquire %d of %d: %v", p.N, m.limit, code)
			}
			if p.N <= m.limit {
				m.queue = append(m.queue, p)
			}
		case "try":
			ids++
			p := permitPlace{ID: idOf(ids), Session: by, N: rapid.IntRange(1, 2).Draw(t, "n")}
			free := len(m.queue) == 0 && m.inUse()+p.N <= m.limit
			if code := do(by, tryPermits(p.ID, int32(p.N), 0)); (code == OK) != free {
				t.Fatalf("try %d with %+v: %v", p.N, m, code)
			}
			if free {
				m.holds = append(m.holds, p)
			}
		case "release":
			if len(m.holds) == 0 {
				continue
			}
			i := rapid.IntRange(0, len(m.holds)-1).Draw(t, "hold")
			h := m.holds[i]
			if code := do(h.Session, giveBack(h.ID)); code != OK {
				t.Fatalf("release of %+v: %v", h, code)
			}
			m.holds = slices.Delete(m.holds, i, i+1)
		case "leave":
			if len(m.queue) == 0 {
				continue
			}
			i := rapid.IntRange(0, len(m.queue)-1).Draw(t, "place")
			p := m.queue[i]
			op := giveBack(p.ID)
			if p.Foreign {
				op = remove("/s/locks/" + r.nameOf(t, "/s/locks", p.ID))
			}
			if code := do(p.Session, op); code != OK {
				t.Fatalf("leave of %+v: %v", p, code)
			}
			m.queue = slices.Delete(m.queue, i, i+1)
		case "limit":
			m.limit = rapid.IntRange(1, 5).Draw(t, "limit")
			op := setLimit(int32(m.limit))
			if rapid.Bool().Draw(t, "shared count") {
				op = Op{Kind: OpSetData, Path: "/s/limit", Version: -1, Data: formatLimit(int32(m.limit))}
			}
			if code := do(0, op); code != OK {
				t.Fatalf("set limit: %v", code)
			}
		case "foreign":
			ids++
			p := permitPlace{ID: idOf(ids), Session: by, Foreign: true}
			if code := do(by, Op{Kind: OpCreate, Path: "/s/locks/_c_" + p.ID + "-lock-", ACL: OpenACL, Node: Ephemeral, Sequential: true, Parents: true}); code != OK {
				t.Fatalf("foreign: %v", code)
			}
			m.queue = append(m.queue, p)
		case "end":
			if rapid.Bool().Draw(t, "overdue") {
				if r.draft.Expire(by, r.zxid+1, r.now) {
					r.zxid++
				}
			} else if code := do(by, Op{Kind: OpClose}); code != OK {
				t.Fatalf("close: %v", code)
			}
			m.end(by)
			open(by)
		case "delete":
			if len(m.holds) == 0 {
				continue
			}
			i := rapid.IntRange(0, len(m.holds)-1).Draw(t, "hold")
			if code := do(0, remove("/s/leases/"+r.nameOf(t, "/s/leases", m.holds[i].ID))); code != OK {
				t.Fatalf("delete: %v", code)
			}
			m.holds = slices.Delete(m.holds, i, i+1)
		case "land":
			r.land(t)
			continue
		}
		r.grants()
		m.settle()
		r.compareWith(t, m)
	}
	r.land(t)
	r.show(t)
	r.compare(t)
	r.compareWith(t, m)
}

// nameOf returns the first child of dir under an id, as the draft has it.
func (a *ahead) nameOf(t *rapid.T, dir, id string) string {
	for _, n := range a.childrenOf(dir) {
		if len(n.name()) > 3+idLength && n.name()[3:3+idLength] == id {
			return n.name()
		}
	}
	t.Fatalf("nothing of %s in %s", id, dir)
	return ""
}

// childrenOf returns the children of dir as the draft has them, in the order of their numbers.
func (a *ahead) childrenOf(dir string) (list []*draftNode) {
	paths := map[string]struct{}{}
	for path := range a.tree.nodes {
		paths[path] = struct{}{}
	}
	for _, d := range []*Draft{a.draft, a.other} {
		for path := range d.nodes {
			paths[path] = struct{}{}
		}
	}
	for path := range paths {
		if parent, _ := Split(path); parent != dir {
			continue
		}
		if n := a.draft.find(path); n != nil {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *draftNode) int {
		return int(placeOf(a.name()).seq - placeOf(b.name()).seq)
	})
	return list
}

// compareWith compares what stands with the model, and looks at the tokens.
func (a *ahead) compareWith(t *rapid.T, m *permitModel) {
	t.Helper()
	held := map[string]int{}
	token := map[string]int64{}
	for _, n := range a.childrenOf("/s/leases") {
		id, _ := Lease(n.name())
		key := fmt.Sprint(id, " of ", n.Owner)
		if held[key]++; held[key] > 1 && token[key] != n.Czxid {
			t.Fatalf("%s has tokens %d and %d", key, token[key], n.Czxid)
		}
		token[key] = n.Czxid
	}
	tokens := map[int64]string{}
	for key, at := range token {
		if other, twice := tokens[at]; twice {
			t.Fatalf("%s and %s have one token", key, other)
		}
		tokens[at] = key
	}
	want := map[string]int{}
	for _, h := range m.holds {
		want[fmt.Sprint(h.ID, " of ", h.Session)] = h.N
	}
	if diff := cmp.Diff(want, held); diff != "" {
		t.Fatalf("permits held (-want +got):\n%s", diff)
	}
	var queue []permitPlace
	for _, n := range a.childrenOf("/s/locks") {
		p := permitPlace{ID: n.name()[3 : 3+idLength], Session: n.Owner, Foreign: true}
		if _, count, ours := PermitWaiter(n.name()); ours {
			p.N, p.Foreign = int(count), false
		}
		queue = append(queue, p)
	}
	if !slices.Equal(m.queue, queue) {
		t.Fatalf("queue is %+v; want %+v", queue, m.queue)
	}
}
