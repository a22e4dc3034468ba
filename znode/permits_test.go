package znode

import (
	"fmt"
	"slices"
	"testing"
)

// permits is what an acquire of n permits of /s sends.
func permits(id string, n, limit int32) Op {
	return Op{
		Kind: OpAcquirePermits, Path: "/s", Data: []byte("d"), ACL: OpenACL, Protected: id,
		Permits: SemaphoreOp{Count: n, Limit: limit},
	}
}

func tryPermits(id string, n, limit int32) Op {
	op := permits(id, n, limit)
	op.Permits.Try = true
	return op
}

func giveBack(id string) Op {
	return Op{Kind: OpReleasePermits, Path: "/s", Protected: id, Version: -1}
}

func setLimit(n int32) Op {
	return Op{Kind: OpSetPermits, Path: "/s", Permits: SemaphoreOp{Limit: n}}
}

// idOf returns the nth id.
func idOf(n int) string { return fmt.Sprintf("%08x%s", n, someID[8:]) }

// grants makes the grants that are due.
func (r *replica) grants() (n int) {
	for r.draft.Grant(r.zxid+1, r.now) {
		r.zxid++
		n++
	}
	return n
}

// stand returns the names below a directory of /s.
func (r *replica) stand(dir string) []string {
	n, ok := r.tree.Get("/s/" + dir)
	if !ok {
		return nil
	}
	return n.ChildNames()
}

func leaseName(id string, seq int) string    { return fmt.Sprintf("_c_%s-lease-%010d", id, seq) }
func placeName(id string, n, seq int) string { return fmt.Sprintf("_c_%s-p%d-lock-%010d", id, n, seq) }

func (w world) stands(leases, locks []string) {
	w.t.Helper()
	if got := w.stand("leases"); !slices.Equal(got, leases) {
		w.t.Errorf("leases are %q; want %q", got, leases)
	}
	if got := w.stand("locks"); !slices.Equal(got, locks) {
		w.t.Errorf("the queue is %q; want %q", got, locks)
	}
}

func TestSemaphore(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	a, b, c := idOf(1), idOf(2), idOf(3)
	w.refused(ErrNoLimit, Request{Session: 1, Ops: []Op{permits(a, 1, 0)}})
	first := w.mustAs(1, permits(a, 2, 3))
	if first.Path != "/s/leases/"+leaseName(a, 0) || first.Stat.DataLength != 1 {
		t.Errorf("got %+v", first)
	}
	second := w.stat("/s/leases/" + leaseName(a, 1))
	if second.Czxid != first.Stat.Czxid || second.EphemeralOwner != 1 || second.DataLength != 0 {
		t.Errorf("the second permit is %+v", second)
	}
	if n, _ := w.tree.Get("/s/limit"); ParseLimit(n.Data()) != 3 || n.Kind() != Persistent {
		t.Errorf("the limit is %v", n.Data())
	}

	if e := w.refused(ErrLimitDiffers, Request{Session: 2, Ops: []Op{permits(b, 1, 4)}}); e.Token != 3 {
		t.Errorf("the limit that stands is told as %d", e.Token)
	}
	if e := w.refused(ErrTooManyPermits, Request{Session: 2, Ops: []Op{permits(b, 4, 3)}}); e.Token != 3 {
		t.Errorf("the limit is told as %d", e.Token)
	}
	if e := w.refused(ErrNoPermits, Request{Session: 2, Ops: []Op{tryPermits(b, 2, 0)}}); e.Token != 2 {
		t.Errorf("permits in use are told as %d", e.Token)
	}
	again := w.mustAs(1, permits(a, 2, 3))
	if !again.Repeated || again.Path != first.Path || again.Stat.Version != 1 {
		t.Errorf("the same again = %+v", again)
	}

	// A large request is not overtaken by a small one, though that would fit.
	place := w.mustAs(2, permits(b, 2, 0))
	if place.Path != "/s/locks/"+placeName(b, 2, 0) {
		t.Errorf("a place at %q", place.Path)
	}
	w.mustAs(2, permits(b, 2, 0)) // repeated: its version goes with the grant
	w.mustAs(1, permits(c, 1, 0))
	w.refused(ErrNoPermits, Request{Session: 2, Ops: []Op{tryPermits(idOf(9), 1, 0)}})
	w.stands([]string{leaseName(a, 0), leaseName(a, 1)}, []string{placeName(b, 2, 0), placeName(c, 1, 1)})

	w.mustAs(1, giveBack(a))
	w.stands([]string{leaseName(b, 2), leaseName(b, 3), leaseName(c, 4)}, nil)
	got, next := w.stat("/s/leases/"+leaseName(b, 2)), w.stat("/s/leases/"+leaseName(c, 4))
	if got.Version != 1 || got.EphemeralOwner != 2 || got.Czxid >= next.Czxid || w.stat("/s/leases/"+leaseName(b, 3)).Czxid != got.Czxid {
		t.Errorf("granted %+v and %+v", got, next)
	}
	if after := w.mustAs(2, permits(b, 2, 0)); !after.Repeated || after.Path != "/s/leases/"+leaseName(b, 2) {
		t.Errorf("the same after the grant = %+v", after)
	}
	w.refused(ErrNoNode, Request{Session: 1, Ops: []Op{giveBack(a)}})
	w.refused(ErrBadVersion, Request{Session: 2, Ops: []Op{{Kind: OpReleasePermits, Path: "/s", Protected: b, Version: 0}}})
}

func TestPermitsGoTogether(t *testing.T) {
	a, b := idOf(1), idOf(2)
	tests := []struct {
		name string
		by   SessionID
		ops  []Op
	}{
		{"released", 1, []Op{giveBack(a)}},
		{"one is deleted by another", 2, []Op{remove("/s/leases/" + leaseName(a, 1))}},
		{"all are deleted", 1, []Op{remove("/s/leases/" + leaseName(a, 2)), remove("/s/leases/" + leaseName(a, 0)), remove("/s/leases/" + leaseName(a, 1))}},
		{"forced", 0, []Op{{Kind: OpReleasePermits, Path: "/s", Protected: a, Version: -1, Session: Session{ID: 1}, Note: "ops"}}},
		{"the session ends", 1, []Op{{Kind: OpClose}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.open(1)
			w.open(2)
			w.mustAs(1, permits(a, 3, 4))
			w.mustAs(2, permits(b, 2, 4))
			w.mustAs(test.by, test.ops...)
			w.stands([]string{leaseName(b, 3), leaseName(b, 4)}, nil)
		})
	}
}

func TestLimitInUse(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.must(setLimit(2))
	w.must(setLimit(2)) // changes nothing
	w.mustAs(1, permits(idOf(1), 2, 0))
	w.mustAs(1, permits(idOf(2), 1, 0))
	w.mustAs(1, permits(idOf(3), 1, 0))
	w.must(setLimit(4))
	w.stands([]string{leaseName(idOf(1), 0), leaseName(idOf(1), 1), leaseName(idOf(2), 2), leaseName(idOf(3), 3)}, nil)
	w.mustAs(1, permits(idOf(4), 1, 0))
	w.must(setLimit(1))
	w.mustAs(1, giveBack(idOf(1)))
	w.mustAs(1, giveBack(idOf(2)))
	w.stands([]string{leaseName(idOf(3), 3)}, []string{placeName(idOf(4), 1, 2)})
	w.must(Op{Kind: OpSetData, Path: "/s/limit", Version: -1, Data: formatLimit(2)}) // as a SharedCount does
	w.stands([]string{leaseName(idOf(3), 3), leaseName(idOf(4), 4)}, nil)
	w.refused(ErrBadArguments, Request{Ops: []Op{setLimit(0)}})
}

// TestForeignWaiter: a Curator client at the head of the queue is waited for, and those that stand
// before it are served before it.
func TestForeignWaiter(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.open(2)
	mutex := Op{Kind: OpCreate, Path: "/s/locks/_c_" + idOf(7) + "-lock-", ACL: OpenACL, Node: Ephemeral, Sequential: true, Parents: true}
	w.must(setLimit(2))
	foreign := w.mustAs(2, mutex)
	lease := w.mustAs(2, Op{Kind: OpCreate, Path: "/s/leases/_c_" + idOf(8) + "-lease-", ACL: OpenACL, Node: Ephemeral, Sequential: true, Parents: true})
	w.mustAs(1, permits(idOf(1), 1, 0))
	w.stands([]string{leaseName(idOf(8), 0)}, []string{"_c_" + idOf(7) + "-lock-0000000000", placeName(idOf(1), 1, 1)})
	w.mustAs(2, remove(foreign.Path))
	w.stands([]string{leaseName(idOf(8), 0), leaseName(idOf(1), 1)}, nil)

	w.mustAs(1, permits(idOf(2), 1, 0))
	w.mustAs(2, mutex)
	w.mustAs(1, permits(idOf(3), 1, 0))
	w.mustAs(2, remove(lease.Path))
	w.stands([]string{leaseName(idOf(1), 1), leaseName(idOf(2), 2)}, []string{"_c_" + idOf(7) + "-lock-0000000003", placeName(idOf(3), 1, 4)})
	w.must(setLimit(9))
	if n := len(w.stand("leases")); n != 2 {
		t.Errorf("%d leases while a foreign client stands first; want 2", n)
	}
}

func TestPermitNames(t *testing.T) {
	for _, bad := range []string{
		"", "_c_-p1-lock-0000000000", "_c_" + someID + "-lock-0000000000", "_c_" + someID + "-p0-lock-0000000000", "_c_" + someID + "-p01-lock-0000000000",
		"_c_" + someID + "-p-lock-0000000000", "_c_" + someID + "-p+1-lock-0000000000", "_c_" + someID + "-p9999999999-lock-0000000000", "_c_" + someID + "-p1-lock-1",
		"_c_" + someID + "p1-lock-0000000000",
	} {
		if id, n, ok := PermitWaiter(bad); ok {
			t.Errorf("PermitWaiter(%q) = %q, %d", bad, id, n)
		}
	}
	if id, n, ok := PermitWaiter(placeName(someID, 2147483647, 5)); !ok || id != someID || n != 2147483647 {
		t.Errorf("PermitWaiter = %q, %d, %v", id, n, ok)
	}
	if id, ok := Lease(leaseName(someID, 5)); !ok || id != someID {
		t.Errorf("Lease = %q, %v", id, ok)
	}
	if _, ok := Lease("_c_" + someID + "-lock-0000000000"); ok {
		t.Error("a mutex's place is a lease")
	}
	for _, p := range []string{"/locks", "/a/b", "/a/locks/x"} {
		if s, ok := Semaphore(p); ok {
			t.Errorf("Semaphore(%q) = %q", p, s)
		}
	}
	for _, data := range [][]byte{nil, {}, {1}, {255, 255, 255, 255}, {0, 0, 0, 0, 1}} {
		if n := ParseLimit(data); n != 0 {
			t.Errorf("ParseLimit(%v) = %d", data, n)
		}
	}
}

// TestPermitsRefused: what one grant would take is bounded, and a refusal leaves nothing behind.
func TestPermitsRefused(t *testing.T) {
	w := newWorld(t)
	w.open(1)
	w.mustAs(1, ephemeral("/eph"))
	before := pictureOf(w.tree, w.now)
	for _, test := range []struct {
		want Code
		by   SessionID
		op   Op
	}{
		{ErrTooLarge, 1, permits(idOf(1), 1<<30, 1<<30)},
		{ErrSessionExpired, 0, permits(idOf(1), 1, 1)},
		{ErrSessionExpired, 7, permits(idOf(1), 1, 1)},
		{ErrBadArguments, 1, permits(idOf(1), 0, 1)},
		{ErrBadArguments, 1, permits("short", 1, 1)},
		{ErrBadArguments, 1, permits("/"+someID[1:], 1, 1)},
		{ErrTooManyPermits, 1, permits(idOf(1), 2, 1)},
		{ErrInvalidACL, 1, Op{Kind: OpAcquirePermits, Path: "/s", Protected: someID, Permits: SemaphoreOp{Count: 1, Limit: 1}}},
		{ErrBadArguments, 1, Op{Kind: OpAcquirePermits, Path: "/", ACL: OpenACL, Protected: someID, Permits: SemaphoreOp{Count: 1, Limit: 1}}},
		{ErrNoChildrenForEphemerals, 1, Op{Kind: OpAcquirePermits, Path: "/eph", ACL: OpenACL, Protected: someID, Permits: SemaphoreOp{Count: 1, Limit: 1}}},
		{ErrNoChildrenForEphemerals, 1, Op{Kind: OpSetPermits, Path: "/eph", Permits: SemaphoreOp{Limit: 1}}},
		{ErrNoNode, 1, giveBack(idOf(1))},
		{ErrBadArguments, 0, giveBack(idOf(1))},
	} {
		w.refused(test.want, Request{Session: test.by, Ops: []Op{test.op}})
	}
	after := pictureOf(w.tree, w.now)
	if len(after.Nodes) != len(before.Nodes) {
		t.Errorf("%d znodes before, %d after", len(before.Nodes), len(after.Nodes))
	}
}
