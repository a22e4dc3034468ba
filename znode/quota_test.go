package znode

import (
	"strings"
	"testing"
)

// limit is what a ZooKeeper client creates to set a quota.
func limit(path, limits string) Op {
	op := create("/zookeeper/quota" + path + "/zookeeper_limits")
	op.Data, op.Parents = []byte(limits), true
	return op
}

func sized(path string, bytes int) Op {
	op := create(path)
	op.Data = []byte(strings.Repeat("x", bytes))
	return op
}

// used checks the usage that a quota has after everything so far.
func (w world) used(path string, count, bytes int64) {
	w.t.Helper()
	q, ok := w.tree.QuotaOf(path)
	if !ok || q.Path != path || q.Usage != (Usage{count, bytes}) {
		w.t.Errorf("quota of %s: %+v, %v; want %d znodes with %d bytes", path, q, ok, count, bytes)
	}
}

func TestUsage(t *testing.T) {
	w := newWorld(t)
	w.must(sized("/a", 3))
	w.must(sized("/a/b", 5))
	w.must(limit("/a", "count=10,bytes=-1"))
	w.used("/a", 2, 8)
	w.must(sized("/a/b/c", 7))
	w.must(set("/a/b", "xx"))
	w.used("/a", 3, 12)

	w.must(limit("/a/b", "count=1,bytes=100"))
	w.used("/a/b", 2, 9)
	w.used("/a", 1, 3)
	q, _ := w.tree.QuotaOf("/a/b/c")
	if q.Path != "/a/b" || !q.Exceeded() {
		t.Errorf("two znodes where one may be: %+v", q)
	}
	w.must(remove("/a/b/c"))
	w.used("/a/b", 1, 2)

	w.must(remove("/zookeeper/quota/a/b/zookeeper_limits"))
	w.used("/a", 2, 5)
	w.must(remove("/zookeeper/quota/a/zookeeper_limits"))
	if q, ok := w.tree.QuotaOf("/a"); ok {
		t.Errorf("a removed quota stands: %+v", q)
	}
	w.must(limit("", "count=1,bytes=1"))
	if q, ok := w.tree.QuotaOf("/a"); ok {
		t.Errorf("the root has a quota: %+v", q)
	}
}

func TestReadStats(t *testing.T) {
	w := newWorld(t)
	w.must(sized("/a", 3))
	w.must(limit("/a", "count=10,bytes=-1"))
	w.must(sized("/zookeeper/quota/a/zookeeper_stats", 1))
	n, _ := w.tree.Get("/zookeeper/quota/a/zookeeper_stats")
	w.must(sized("/a/b", 20))
	data, stat := w.tree.Read(n)
	if string(data) != "count=2,bytes=23" || int(stat.DataLength) != len(data) || stat.Version != 0 || stat.Mzxid != stat.Czxid {
		t.Errorf("%q, %+v", data, stat)
	}
	w.must(remove("/zookeeper/quota/a/zookeeper_limits"))
	if data, stat = w.tree.Read(n); string(data) != "x" || stat.DataLength != 1 {
		t.Errorf("without a quota: %q, %+v", data, stat)
	}
}

func TestParseLimits(t *testing.T) {
	for text, want := range map[string]Limits{
		"":                  {-1, -1, -1, -1},
		"count=5,bytes=-1":  {5, -1, -1, -1},
		"count=5,bytes=7=;": {5, 7, -1, -1},
		"count=-1,bytes=-1=;byteHardLimit=9;countHardLimit=4": {-1, -1, 4, 9},
		"count=-1,bytes=8=;countHardLimit=4":                  {-1, 8, 4, -1},
		"count=5,bytes":                                       {-1, -1, -1, -1},
		"count=five":                                          {-1, -1, -1, -1},
		"depth=5,count=5":                                     {5, -1, -1, -1},
	} {
		if got := parseLimits([]byte(text)); got != want {
			t.Errorf("%q: %+v; want %+v", text, got, want)
		}
	}
}

func refusal(ops ...Op) Request { return Request{Ops: ops} }

func TestHardLimits(t *testing.T) {
	w := newWorld(t)
	w.draft.EnforceQuota = true
	w.must(create("/a"))
	w.must(limit("/a", "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3"))

	w.refused(ErrQuotaExceeded, refusal(sized("/a/b", 10)))
	w.refused(ErrNoNode, refusal(sized("/a/b/c", 10)))
	w.must(sized("/a/b", 9))
	w.refused(ErrQuotaExceeded, refusal(set("/a/b", strings.Repeat("x", 10))))
	w.refused(ErrQuotaExceeded, refusal(versioned(set("/a/b", strings.Repeat("x", 10)), 7)))
	w.must(sized("/a/c", 0))
	w.refused(ErrQuotaExceeded, refusal(sized("/a/d", 0)))
	w.must(create("/b"))

	// One request may make room for itself; a refused one leaves nothing counted.
	w.refused(ErrQuotaExceeded, refusal(remove("/a/c"), sized("/a/d", 0), sized("/a/e", 0)))
	w.refused(ErrBadVersion, refusal(remove("/a/c"), sized("/a/d", 0), check("/a", 9)))
	w.must(remove("/a/c"), sized("/a/d", 0))
	deep := sized("/a/d/e/f", 0)
	deep.Parents = true
	w.must(set("/zookeeper/quota/a/zookeeper_limits", "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=4"))
	w.refused(ErrQuotaExceeded, refusal(deep))
	w.used("/a", 3, 10)

	// What is too large already may shrink.
	w.must(set("/zookeeper/quota/a/zookeeper_limits", "count=-1,bytes=-1=;byteHardLimit=2;countHardLimit=1"))
	w.must(set("/a/b", "xxxxxxxx"))
	w.must(remove("/a/d"))
	w.used("/a", 2, 9)

	w.draft.EnforceQuota = false
	w.must(sized("/a/d", 100))
}

// TestHardLimitWithinBatches judges a batch on one that the tree does not show yet, and on one that
// it has come to show meanwhile.
func TestHardLimitWithinBatches(t *testing.T) {
	r := newReplica()
	above := &ahead{replica: r, other: NewDraft(r.tree)}
	r.draft.EnforceQuota, above.other.EnforceQuota = true, true
	put := func(op Op, want Code) {
		t.Helper()
		if code := r.judge(&Request{Ops: []Op{op}}); code != want {
			t.Fatalf("%+v: %v; want %v", op, code, want)
		}
	}
	put(create("/a"), OK)
	put(limit("/a", "countHardLimit=4"), OK)
	if !r.draft.ChangesQuotas() {
		t.Fatal("a batch that sets a quota does not say so")
	}
	above.land(t)
	above.show(t)
	put(create("/a/1"), OK)
	put(create("/a/2"), OK)
	above.land(t)
	put(create("/a/3"), OK)
	put(create("/a/4"), ErrQuotaExceeded)
	above.show(t)
	put(create("/a/4"), ErrQuotaExceeded)
	put(remove("/a/1"), OK)
	put(create("/a/4"), OK)
	put(create("/a/5"), ErrQuotaExceeded)
	above.land(t)
	above.show(t)
	above.compare(t)
}
