package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

func TestWatchOrder(t *testing.T) {
	m := quorumtest.StartOne(t)
	w, err := m.Watch(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	put(t, m, "a", "1")
	put(t, m, "a", "2")
	if _, err := m.Txn(t.Context(), quorum.Txn{Ops: []quorum.Op{
		{Key: "z", Value: []byte("3")}, {Key: "a", Delete: true}, {Key: "b"},
	}}); err != nil {
		t.Fatal(err)
	}
	want := []quorum.Revision{
		{Number: 2, Events: []quorum.Event{{Key: "a", Value: []byte("1"), Version: 1}}},
		{Number: 3, Events: []quorum.Event{{Key: "a", Value: []byte("2"), Version: 2}}},
		{Number: 4, Events: []quorum.Event{{Key: "z", Value: []byte("3"), Version: 1}, {Key: "a", Delete: true}, {Key: "b", Version: 1}}},
	}
	if diff := cmp.Diff(want, take(t, w, len(want))); diff != "" {
		t.Errorf("live watch (-want +got):\n%s", diff)
	}

	late, err := m.Watch(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	got := take(t, late, 2)
	got[1].Events[2].Value = nil // read from the database an empty value is not nil
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Errorf("late watch (-want +got):\n%s", diff)
	}

	late.Close()
	if _, err := late.Next(t.Context()); !errors.Is(err, quorum.ErrClosed) {
		t.Errorf("Next after the watch's Close = %v; want ErrClosed", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := w.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next = %v; want its context's end", err)
	}
	put(t, m, "c", "4")
	if r, err := w.Next(t.Context()); err != nil || r.Number != 5 {
		t.Errorf("Next = %+v, %v; want revision 5", r, err)
	}
	quorumtest.Close(t, m)
	if _, err := w.Next(t.Context()); !errors.Is(err, quorum.ErrClosed) {
		t.Errorf("Next after the member's Close = %v; want ErrClosed", err)
	}
	if _, err := m.Watch(t.Context(), 0); !errors.Is(err, quorum.ErrClosed) {
		t.Errorf("Watch after Close = %v; want ErrClosed", err)
	}
}

// TestWatchSlowReader writes more than the watch holds before it is read.
func TestWatchSlowReader(t *testing.T) {
	m := quorumtest.StartOne(t)
	w, err := m.Watch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	const n, size = 600, 256 << 10 // 150 MiB
	value := make([]byte, size)
	for i := range n {
		copy(value, fmt.Sprintf("%08d", i))
		put(t, m, "k", string(value))
	}
	for i := range n {
		r, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(r.Events[0].Value[:8]), fmt.Sprintf("%08d", i); r.Number != int64(i+2) || got != want || len(r.Events) != 1 {
			t.Fatalf("revision %d holds %q; want %d with %q", r.Number, got, i+2, want)
		}
	}
}

func TestWatchGap(t *testing.T) {
	cfg := quorumtest.Config(t, "m1")
	cfg.CompactEvery, cfg.KeepRevisions = 20*time.Millisecond, 10
	m := quorumtest.Start(t, cfg)
	quorumtest.Ready(t, m)
	for range 30 {
		put(t, m, "a", "1")
	}
	quorumtest.Eventually(t, "a compaction", func() bool { return m.CompactedRevision() == m.Revision()-10 })

	w, err := m.Watch(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := w.Next(t.Context()); !errors.Is(err, quorum.ErrGap) {
		t.Errorf("Next of a compacted revision = %+v, %v; want ErrGap", r, err)
	}
	if r, err := w.Next(t.Context()); !errors.Is(err, quorum.ErrGap) {
		t.Errorf("Next after the gap = %+v, %v; want ErrGap again", r, err)
	}
	if _, _, err := contents(t.Context(), m, "", 2); !errors.Is(err, quorum.ErrCompacted) {
		t.Errorf("Range of a compacted revision = %v; want ErrCompacted", err)
	}

	from := m.CompactedRevision()
	w, err = m.Watch(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range take(t, w, 11) {
		if r.Number != from+int64(i) {
			t.Errorf("revision %d in place %d; want %d", r.Number, i, from+int64(i))
		}
	}
}

// take returns the next n revisions.
func take(t *testing.T, w *quorum.Watch, n int) []quorum.Revision {
	t.Helper()
	var list, batch []quorum.Revision
	for len(list) < n {
		var err error
		if batch, err = w.NextBatch(t.Context(), batch); err != nil {
			t.Fatalf("NextBatch after %d revisions: %v", len(list), err)
		}
		list = append(list, batch...)
	}
	return list
}
