package znode

import "strings"

// The writer grants permits by itself, in batches' entries that no request has asked for: whenever a
// permit comes back, somebody leaves the queue, or the limit is set, it looks at the semaphore again.
// To look once too often does no harm.

// Due returns the semaphores that are to be looked at, in the order in which they became so. They
// are the draft's until Reset.
func (d *Draft) Due() []string { return d.due }

// LookAt has a semaphore looked at by the next [Draft.Grant].
func (d *Draft) LookAt(semaphore string) {
	if _, known := d.isDue[semaphore]; known {
		return
	}
	if d.isDue == nil {
		d.isDue = make(map[string]struct{})
	}
	d.isDue[semaphore] = struct{}{}
	d.due = append(d.due, semaphore)
}

// Grant makes one grant that is due, to whoever stands first in a semaphore's queue, if that many
// permits are free. It reports false, and does nothing, if there is none; otherwise zxid is used.
// Whoever stands first there without being one of ours is waited for, as are permits for a large
// request: those behind do not overtake it.
func (d *Draft) Grant(zxid, now int64) bool {
	for len(d.due) > 0 {
		if d.grantAt(d.due[0], zxid, now) {
			return true
		}
		delete(d.isDue, d.due[0])
		d.due = d.due[1:]
	}
	return false
}

func (d *Draft) grantAt(semaphore string, zxid, now int64) bool {
	at := semaphoreAt(semaphore)
	locks := d.find(at.locks)
	if locks == nil {
		return false
	}
	first, limit := d.firstContender(locks), d.find(at.limit)
	if first == nil || first.Owner == 0 || limit == nil {
		return false
	}
	id, count, ours := PermitWaiter(first.name())
	if !ours || d.inUse(&at)+int64(count) > int64(ParseLimit(limit.Data)) {
		return false
	}
	leases := d.find(at.leases)
	if leases != nil && leases.Kind == Ephemeral {
		return false
	}
	d.begin(&Request{Session: first.Owner}, zxid, now)
	if leases == nil { // reaped meanwhile
		leases = d.insert(d.find(semaphore), at.leases, &Content{Data: []byte{}, ACL: OpenACL, Kind: Container})
		d.changes[len(d.changes)-1].Aux = true
	}
	// The version goes on: whoever means to clean up after an acquire can tell that it was repeated.
	d.lease(leases, id, count, &Content{Data: first.Data, ACL: first.ACL, Kind: Ephemeral, Owner: first.Owner, Version: first.Version})
	d.remove(locks, first)
	c := &d.changes[len(d.changes)-1]
	c.Aux, c.Last = true, true
	d.end()
	return true
}

// freed notes that a child of dir has been deleted.
func (d *Draft) freed(dir string) {
	if strings.HasSuffix(dir, "/"+leasesName) || strings.HasSuffix(dir, "/"+locksName) {
		if semaphore, ok := Semaphore(dir); ok {
			d.LookAt(semaphore)
		}
	}
}

// limitSet notes that a znode has got other data, which may be a semaphore's limit.
func (d *Draft) limitSet(path string) {
	if strings.HasSuffix(path, "/"+limitName) {
		if semaphore, ok := Semaphore(path); ok {
			d.LookAt(semaphore)
		}
	}
}
