package znode

import (
	"encoding/binary"
	"sort"
	"strconv"
	"strings"
)

// A semaphore is a znode with the children that Curator's InterProcessSemaphoreV2 makes, and one
// that its SharedCount makes. Each znode in "leases" is one permit in use. "locks" is the queue: a
// Curator client stands there as for a mutex until its lease is within the limit, and we stand
// there with the number of permits in the name. "limit" holds how many permits there are.
const (
	locksName  = "locks"
	leasesName = "leases"
	limitName  = "limit"

	leaseFamily   = "-lease-"
	waiterFamily  = "-lock-"
	permitsMark   = "-p"
	permitsDigits = 10 // of an int32 at most
)

// mostGrantBytes is about how much one grant may take in the log: with what else is in its batch it
// must fit into a transaction.
const mostGrantBytes = 4 << 20

// A SemaphoreOp says what [OpAcquirePermits] and [OpSetPermits] are about.
type SemaphoreOp struct {
	Count int32 // how many are asked for
	Limit int32 // how many there are; of OpAcquirePermits 0: whatever stands
	Try   bool  // refuse with ErrNoPermits instead of queueing
}

// A semaphorePaths has the paths that belong to one semaphore.
type semaphorePaths struct{ locks, leases, limit string }

func semaphoreAt(path string) semaphorePaths {
	return semaphorePaths{Join(path, locksName), Join(path, leasesName), Join(path, limitName)}
}

// SemaphoreLocks returns the path of the directory of those who wait for a semaphore's permits.
func SemaphoreLocks(path string) string { return Join(path, locksName) }

// SemaphoreLeases returns the path of the directory of a semaphore's permits in use.
func SemaphoreLeases(path string) string { return Join(path, leasesName) }

// SemaphoreLimit returns the path of the znode with a semaphore's limit.
func SemaphoreLimit(path string) string { return Join(path, limitName) }

// Semaphore returns the semaphore that a directory called locks or leases, or a znode called limit,
// would belong to; ok is false for other paths.
func Semaphore(path string) (semaphore string, ok bool) {
	dir, name := Split(path)
	switch name {
	case locksName, leasesName, limitName:
		return dir, dir != rootPath
	}
	return "", false
}

// Lease returns the id in the name of a permit in use, "_c_<id>-lease-<number>".
func Lease(name string) (id string, ok bool) {
	head, digits := cutDigits(name)
	if digits == "" {
		return "", false
	}
	if id, ok = strings.CutPrefix(head, protectedPrefix); !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(id, leaseFamily)
	return id, ok && len(id) == idLength
}

// PermitWaiter returns what stands in the name of a place in a semaphore's queue that the writer
// grants, "_c_<id>-p<permits>-lock-<number>".
func PermitWaiter(name string) (id string, permits int32, ok bool) {
	head, digits := cutDigits(name)
	if digits == "" {
		return "", 0, false
	}
	if head, ok = strings.CutPrefix(head, protectedPrefix); !ok {
		return "", 0, false
	}
	if head, ok = strings.CutSuffix(head, waiterFamily); !ok || len(head) < idLength+len(permitsMark)+1 {
		return "", 0, false
	}
	id = head[:idLength]
	number, ok := strings.CutPrefix(head[idLength:], permitsMark)
	if !ok || number[0] < '1' || number[0] > '9' || len(number) > permitsDigits {
		return "", 0, false
	}
	n, err := strconv.ParseInt(number, 10, 32)
	return id, int32(n), err == nil
}

func waiterStem(locks, id string, permits int32) string {
	return Join(locks, protectedPrefix+id+permitsMark+strconv.Itoa(int(permits))+waiterFamily)
}

func leaseStem(leases, id string) string { return Join(leases, protectedPrefix+id+leaseFamily) }

// ParseLimit reads the data of a semaphore's limit: four bytes, big-endian, as Curator's SharedCount
// writes them. Anything else, and a negative number, is 0.
func ParseLimit(data []byte) int32 {
	if len(data) != 4 {
		return 0
	}
	return max(0, int32(binary.BigEndian.Uint32(data)))
}

func formatLimit(limit int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(limit)) }

// PermitQueues returns the semaphores that somebody waits for whom the writer grants, in the order
// of their paths.
func (t *Tree) PermitQueues() []string {
	paths := make([]string, 0, len(t.permitQueues))
	for path := range t.permitQueues {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}

// countWaiter notes that a znode has come under its parent, or gone.
func (t *Tree) countWaiter(parent, n *Node, sign int) {
	if !n.contender || !strings.HasSuffix(parent.path, "/"+locksName) {
		return
	}
	if _, _, ok := PermitWaiter(n.Name()); !ok {
		return
	}
	path, _ := Split(parent.path)
	if t.permitQueues == nil {
		t.permitQueues = make(map[string]int)
	}
	if t.permitQueues[path] += sign; t.permitQueues[path] == 0 {
		delete(t.permitQueues, path)
	}
}

// Granted reports whether the change is part of a grant that the writer has made by itself: a place
// in a semaphore's queue became permits in use.
func (c *Change) Granted() bool {
	return c.Request == RequestID{} && !c.Expired && (c.Kind == Created || c.Kind == Deleted) && c.Session != 0
}
