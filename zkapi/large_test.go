package zkapi_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestLargeFrames sends more in large frames, one behind the other, than all connections together
// may have waiting: each must give back its room when it is answered.
func TestLargeFrames(t *testing.T) {
	const frames = 80 // of a MiB each
	c := connect(t)
	path := "/" + strings.Repeat("x", 1_000_000)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range int32(frames) {
			q := jute.Request{Xid: i + 1, Operation: sync(path)}
			if _, err := c.nc.Write(q.Append(nil)); err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
		}
	}()
	for i := range int32(frames) {
		if r := c.next(jute.OpSync); r.Xid != i+1 || r.Code != znode.OK || r.Path != path {
			t.Fatalf("answer %d: xid %d, %v, a path of %d bytes", i, r.Xid, r.Code, len(r.Path))
		}
	}
	<-sent
}

// TestAnswersLargerThanTheirRequests asks, in a few kilobytes, for hundreds of megabytes: the member makes no
// more answers than are read, and none that is larger than a client may leave unread.
func TestAnswersLargerThanTheirRequests(t *testing.T) {
	const size, reads = 1_000_000, 300
	c := connectFor(t, 40_000) // a slow machine needs its time to read
	large := create("/large", 0)
	large.Data = make([]byte, size)
	c.do(large, znode.OK)
	defer func() { connect(t).do(remove("/large"), znode.OK) }()

	one := get(jute.OpGetData, "/large", false)
	few := jute.Request{Operation: jute.Operation{Op: jute.OpMultiRead}, Ops: []jute.Operation{one, one, one, one}}
	if r := c.call(few); r.Code != znode.OK || len(r.Results) != 4 || len(r.Results[3].Data) != size {
		t.Fatalf("a multi of four reads: %v, %d results", r.Code, len(r.Results))
	}
	many := jute.Request{Operation: jute.Operation{Op: jute.OpMultiRead}}
	for range reads {
		many.Ops = append(many.Ops, one)
	}
	before := heap()
	if r := c.call(many); r.Code != znode.ErrBadArguments {
		t.Fatalf("a multi of %d reads: %v", reads, r.Code)
	}

	// Reads that wait behind a write are answered by another goroutine than others.
	var b []byte
	for i := range int32(reads) {
		q := jute.Request{Xid: 100 + i, Operation: one}
		if i%10 == 0 {
			q.Operation = set("/other", "")
		}
		b = q.Append(b)
	}
	go func() { _, _ = c.nc.Write(b) }()
	var most uint64
	for i := range int32(reads) {
		op := jute.OpGetData
		if i%10 == 0 {
			op = jute.OpSetData
			most = max(most, heap())
		}
		if r := c.next(op); r.Xid != 100+i {
			t.Fatalf("xid %d, want %d", r.Xid, 100+i)
		}
	}
	if most > before+64<<20 {
		t.Errorf("the heap grew from %d to %d MiB", before>>20, most>>20)
	}
}

// heap is how many bytes of it are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
