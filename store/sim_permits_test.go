package store

import (
	"fmt"

	"github.com/lockkeeper/lockkeeper/znode"
)

// The clients of the simulation also share a semaphore, which the writer grants. Never may more
// permits be granted than there are, and no grant may be forgotten.

const simSemaphore = "/pool"

// permitsProfile has more of that, and of what a writer's successor must take up.
var permitsProfile = evenProfile.with(map[int]int{stepPermits: 25, stepLead: 4, stepLose: 2, stepDrop: 2})

// permits lets a client take permits, give some up, or set how many there are.
func (w *world) permits(c *simClient, n *simMember) bool {
	if !c.open {
		return false
	}
	op := znode.Op{Kind: znode.OpAcquirePermits, Path: simSemaphore, ACL: znode.OpenACL}
	switch w.rng.IntN(8) {
	case 0:
		op = znode.Op{Kind: znode.OpSetPermits, Path: simSemaphore, Permits: znode.SemaphoreOp{Limit: int32(2 + w.rng.IntN(3))}}
	case 1, 2, 3:
		op = znode.Op{Kind: znode.OpReleasePermits, Path: simSemaphore, Version: -1}
		if w.permitIDs == 0 {
			return false
		}
		op.Protected = simPermitID(1 + w.rng.IntN(w.permitIDs))
	default:
		w.permitIDs++
		op.Protected = simPermitID(w.permitIDs)
		op.Permits = znode.SemaphoreOp{Count: int32(1 + w.rng.IntN(2)), Try: w.rng.IntN(4) == 0}
	}
	w.request(n, &znode.Request{Session: c.id, Owner: c.owner, Ops: []znode.Op{op}}, func(znode.Outcome, error) {})
	return true
}

func simPermitID(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// checkPermits looks at the semaphore after a revision: permits become more only within the limit.
func (w *world) checkPermits(revision int64) {
	before := w.inUse
	w.inUse = 0
	if leases, ok := w.truth.tree.Get(znode.SemaphoreLeases(simSemaphore)); ok {
		w.inUse = leases.NumChildren()
	}
	if w.inUse > before && w.inUse > 4 { // the highest limit that is set
		w.fail("revision %d: %d permits are out", revision, w.inUse)
	}
}

// grantDue reports whether whoever stands first would get what it waits for.
func (w *world) grantDue() bool {
	locks, ok := w.truth.tree.Get(znode.SemaphoreLocks(simSemaphore))
	if !ok {
		return false
	}
	first, _, ok := locks.FirstContender()
	if !ok {
		return false
	}
	_, count, _ := znode.PermitWaiter(first)
	limit, _ := w.truth.tree.Get(znode.SemaphoreLimit(simSemaphore))
	inUse := 0
	if leases, ok := w.truth.tree.Get(znode.SemaphoreLeases(simSemaphore)); ok {
		inUse = leases.NumChildren()
	}
	return inUse+int(count) <= int(znode.ParseLimit(limit.Data()))
}

// granting: a writer has been deposed that owed two more grants of those that its last batch had no
// room for.
func granting(w *world) {
	n, c := w.members[0], w.clients[0]
	ask := func(kind znode.OpKind, id int, p znode.SemaphoreOp) {
		r := &znode.Request{Session: c.id, Ops: []znode.Op{{
			Kind: kind, Path: simSemaphore, ACL: znode.OpenACL, Protected: simPermitID(id), Version: -1, Permits: p,
		}}}
		w.request(n, r, func(znode.Outcome, error) {})
	}
	ask(znode.OpSetPermits, 1, znode.SemaphoreOp{Limit: 3})
	ask(znode.OpAcquirePermits, 1, znode.SemaphoreOp{Count: 3})
	for id := range 3 {
		ask(znode.OpAcquirePermits, 2+id, znode.SemaphoreOp{Count: 1})
	}
	for range 5 {
		w.works(w.members, n)
	}
	ask(znode.OpReleasePermits, 1, znode.SemaphoreOp{})
	w.flush(n)
	w.carry(map[*simMember]bool{n: true})
	for len(w.proposals) > 0 && !w.grantDue() {
		w.settleProposal(0, stepCommit)
	}
	w.proposals = nil // what would have made the others is lost
	n.leader, w.members[1].leader = false, true
}
