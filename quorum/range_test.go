package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

func TestRangeAtRevision(t *testing.T) {
	m := quorumtest.StartOne(t)
	put(t, m, "n/a", "1")
	old := put(t, m, "n/b", "2")
	put(t, m, "n0", "beside the prefix")
	put(t, m, "m/z", "before the prefix")
	put(t, m, "n/a", "3")
	put(t, m, "n/\xff\xff", "4")
	for _, tt := range []struct {
		prefix string
		rev    int64
		want   []string
		at     int64
	}{
		{"n/", 0, []string{"n/a=3@6", "n/b=2@3", "n/\xff\xff=4@7"}, 7},
		{"n/", old, []string{"n/a=1@2", "n/b=2@3"}, old},
		{"n/\xff", 0, []string{"n/\xff\xff=4@7"}, 7},
		{"", old, []string{"n/a=1@2", "n/b=2@3"}, old},
		{"\xff", 0, nil, 7},
		{"none", 0, nil, 7},
	} {
		got, at, err := contents(t.Context(), m, tt.prefix, tt.rev)
		if err != nil || at != tt.at || !cmp.Equal(got, tt.want) {
			t.Errorf("Range(%q, %d) = %q at %d, %v; want %q at %d", tt.prefix, tt.rev, got, at, err, tt.want, tt.at)
		}
	}
	if _, _, err := contents(t.Context(), m, "", 100); err == nil {
		t.Error("Range of a future revision = nil")
	}
	stop := errors.New("enough")
	calls := 0
	if _, err := m.Range(t.Context(), "", 0, func(string, []byte, int64) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("Range = %v after %d calls; want the error of the first", err, calls)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, _, err := contents(ctx, m, "", 0); !errors.Is(err, stop) {
		t.Errorf("Range = %v; want its context's cause", err)
	}
}

// TestRangeIsOneRevision changes every key while a range of many pages is read.
func TestRangeIsOneRevision(t *testing.T) {
	m := quorumtest.StartOne(t)
	const n = 20_000
	fill(t, m, n, "old")
	count := 0
	at, err := m.Range(t.Context(), "k", 0, func(key string, value []byte, modRev int64) error {
		if count++; count == 10 {
			fill(t, m, n, "new")
		}
		if string(value) != "old" {
			return fmt.Errorf("%s holds %q", key, value)
		}
		return nil
	})
	if err != nil || count != n || at >= m.Revision() {
		t.Errorf("Range = %d, %v with %d keys; want %d old ones", at, err, count, n)
	}
}

// fill puts n keys in transactions of a thousand.
func fill(tb testing.TB, m *quorum.Member, n int, value string) {
	tb.Helper()
	for start := 0; start < n; start += 1000 {
		var ops []quorum.Op
		for i := start; i < min(start+1000, n); i++ {
			ops = append(ops, quorum.Op{Key: fmt.Sprintf("k%08d", i), Value: []byte(value)})
		}
		if _, err := m.Txn(tb.Context(), quorum.Txn{Ops: ops}); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkRange reads 200,000 keys of 100 bytes.
func BenchmarkRange(b *testing.B) {
	m := quorumtest.StartOne(b)
	const n = 200_000
	fill(b, m, n, string(make([]byte, 100)))
	for b.Loop() {
		if _, err := m.Range(b.Context(), "k", 0, func(string, []byte, int64) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkTxnWatch puts batches of 100 keys and waits until the watch has shown each.
func BenchmarkTxnWatch(b *testing.B) {
	m := quorumtest.StartOne(b)
	w, err := m.Watch(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	ops := make([]quorum.Op, 100)
	for i := range ops {
		ops[i] = quorum.Op{Key: fmt.Sprintf("n/%d", i), Value: make([]byte, 200)}
	}
	for b.Loop() {
		if _, err := m.Txn(b.Context(), quorum.Txn{Ops: ops}); err != nil {
			b.Fatal(err)
		}
		if r, err := w.Next(b.Context()); err != nil || len(r.Events) != len(ops) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(ops)*b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkWatchCatchUp reads 200,000 events of 2,000 revisions from the past.
func BenchmarkWatchCatchUp(b *testing.B) {
	m := quorumtest.StartOne(b)
	first := m.Revision() + 1
	for range 100 {
		fill(b, m, 2000, "some value")
	}
	last := m.Revision()
	for b.Loop() {
		w, err := m.Watch(b.Context(), first)
		if err != nil {
			b.Fatal(err)
		}
		var batch []quorum.Revision
		for done := false; !done; {
			if batch, err = w.NextBatch(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			done = batch[len(batch)-1].Number == last
		}
		w.Close()
	}
	b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
