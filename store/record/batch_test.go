package record

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/lockkeeper/lockkeeper/znode"
)

// creates returns a batch of n creates of ephemerals by as many sessions, requested by three
// members in turn: what the writer puts together under load.
func creates(n int) *Batch {
	b := &Batch{Epoch: 7, Number: 12, Zxid: zxid + int64(n) - 1}
	for i := range n {
		session := znode.SessionID(uint64(i+1) * 0x9e3779b97f4a7c15 >> 1)
		b.Changes = append(b.Changes, znode.Change{
			Kind: znode.Created, Last: true, Session: session, Zxid: zxid + int64(i), Time: now,
			Request: znode.RequestID{Member: request.Member + uint64(i%3), Incarnation: 1 << 40, Number: uint64(5000 + i/3)},
			Path:    fmt.Sprintf("/locks/a/_c_%08x-7a3e-4c0b-9a55-0c1d2e3f-lock-%010d", i, i),
			Node:    znode.Ephemeral, Owner: session, Length: 8,
		})
	}
	return b
}

func TestBatchSize(t *testing.T) {
	const n = 256
	b := creates(n)
	if got := len(b.Changes[0].Path); got != 60 {
		t.Fatalf("path has %d bytes; want 60", got)
	}
	size := len(AppendBatch(nil, b))
	t.Logf("%d creates: %d bytes, %.1f each", n, size, float64(size)/n)
	if size > 90*n {
		t.Errorf("%d creates take %d bytes, %d each; want at most 90", n, size, size/n)
	}
	for i := range b.Changes { // one session, one member: a client that creates many
		b.Changes[i].Session, b.Changes[i].Owner = holder.ID, holder.ID
		b.Changes[i].Request = next(uint64(i))
	}
	t.Logf("%d creates of one session: %.1f bytes each", n, float64(len(AppendBatch(nil, b)))/n)
	if one := len(AppendBatch(nil, &Batch{})); one > 8 {
		t.Errorf("an empty batch takes %d bytes", one)
	}
}

// A tree that keeps the path of a znode created must not keep its whole batch alive.
func TestBatchPaths(t *testing.T) {
	long := strings.Repeat("x", 100)
	v := AppendBatch(nil, &Batch{Changes: []znode.Change{
		{Kind: znode.Deleted, Path: "/a" + long},
		{Kind: znode.Created, Path: "/a" + long},
		{Kind: znode.DataSet, Path: "/a" + long},
		{Kind: znode.Deleted, Path: "/b" + long},
		{Kind: znode.FenceRaised, Path: "/b" + long},
		{Kind: znode.DataSet, Path: "/c" + long},
	}})
	b, err := DecodeBatch(v)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(b.Changes[i].Path))) }
	copied := func(i int) bool { return at(i)-at(0) < uintptr(len(v)) }
	for i, want := range []bool{true, false, false, true, false, true} {
		if got := copied(i); got != want {
			t.Errorf("path of change %d, %v, shares the batch's copy: %t; want %t", i, b.Changes[i].Kind, got, want)
		}
	}
	if at(1) != at(2) {
		t.Error("a repeated path is copied again")
	}
}

func BenchmarkAppendBatch(b *testing.B) {
	batch := creates(256)
	dst := AppendBatch(nil, batch)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendBatch(dst[:0], batch)
	}
	perChange(b, len(batch.Changes))
}

func BenchmarkDecodeBatch(b *testing.B) {
	benchmarkDecode(b, creates(256))
}

func BenchmarkDecodeBatchDeletes(b *testing.B) {
	batch := creates(256)
	for i := range batch.Changes {
		c := &batch.Changes[i]
		c.Kind, c.Node, c.Length = znode.Deleted, znode.Persistent, 0
	}
	benchmarkDecode(b, batch)
}

func benchmarkDecode(b *testing.B, batch *Batch) {
	v := AppendBatch(nil, batch)
	b.SetBytes(int64(len(v)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeBatch(v); err != nil {
			b.Fatal(err)
		}
	}
	perChange(b, len(batch.Changes))
}

func perChange(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/change")
}
