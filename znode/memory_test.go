package znode

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/racetest"
)

// TestMemory holds the tree to its budget: a million znodes with 32 bytes of data and paths of
// 40 bytes, a thousand to a directory, in 450 MiB.
func TestMemory(t *testing.T) {
	racetest.Skip(t, "the memory that it takes would count")
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const (
		dirs, each = 1000, 1000
		budget     = 450 << 20
	)
	before := heap()
	tree := NewTree()
	for d := range dirs {
		dir := fmt.Sprintf("/%018d", d)
		tree.LoadNode(dir, Content{ACL: OpenACL, Data: []byte{}})
		tree.LoadCounters(dir, Counters{Creates: each, Pzxid: 1})
		for i := range each {
			open := []ACL{{PermAll, "world", "anyone"}} // as decoded: a slice each
			tree.LoadNode(fmt.Sprintf("%s/_c_lock-%012d", dir, i), Content{ACL: open, Data: bytes.Clone(make([]byte, 32))})
		}
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	used := heap() - before
	t.Logf("%d znodes take %d MiB, %d bytes each", tree.Len(), used>>20, used/int64(tree.Len()))
	if used > budget {
		t.Errorf("%d znodes take %d MiB; the budget is %d", tree.Len(), used>>20, budget>>20)
	}
	runtime.KeepAlive(tree)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
