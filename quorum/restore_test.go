package quorum_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// TestRestore saves a member's keys and restores them into a new one, twice.
func TestRestore(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), quorumtest.Patience)
	defer cancel()
	m := quorumtest.StartOne(t)
	put(t, m, "a", "1")
	put(t, m, "a", "2")
	put(t, m, "b", "3")
	put(t, m, "gone", "4")
	if _, err := m.Txn(ctx, quorum.Txn{Ops: []quorum.Op{{Key: "gone", Delete: true}}}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "snapshot")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Snapshot(ctx, f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	at := m.Revision()

	s, err := quorum.OpenSnapshot(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var keys []string
	rev, err := s.Range(ctx, "", 0, func(key string, value []byte, _ int64) error {
		keys = append(keys, key+"="+string(value))
		return nil
	})
	if want := []string{"a=2", "b=3"}; err != nil || rev != at || !slices.Equal(keys, want) {
		t.Errorf("the snapshot holds %q at %d, %v; want %q at %d", keys, rev, err, want, at)
	}
	if _, err := s.Range(ctx, "", 1, nil); !errors.Is(err, quorum.ErrCompacted) {
		t.Errorf("Range at an old revision = %v; want ErrCompacted", err)
	}

	last := at
	for bumps := range int64(2) {
		cfg := quorumtest.Config(t, "restored")
		first, err := quorum.Restore(ctx, cfg, quorum.Restoration{
			Snapshot: file, Bumps: bumps + 1, Ops: []quorum.Op{{Key: "b", Delete: true}, {Key: "c", Value: []byte("5")}},
		})
		if err != nil || first < last+quorum.RevisionBump/2 {
			t.Fatalf("Restore = %d, %v; want a revision far above %d", first, err, last)
		}
		if _, err := quorum.Restore(ctx, cfg, quorum.Restoration{Snapshot: file}); !errors.Is(err, quorum.ErrDataDirUsed) {
			t.Errorf("Restore over another = %v; want ErrDataDirUsed", err)
		}
		r := quorumtest.Start(t, cfg)
		quorumtest.Ready(t, r)
		got, _, err := contents(ctx, r, "", 0)
		if err != nil || len(got) < 2 || r.Revision() < first || r.ClusterID() == m.ClusterID() {
			t.Errorf("the restored member has %q at %d in cluster %x, %v", got, r.Revision(), r.ClusterID(), err)
		}
		if last = put(t, r, "d", "6"); last <= first {
			t.Errorf("a write after the restore has revision %d; want above %d", last, first)
		}
		w, err := r.Watch(ctx, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Next(ctx); !errors.Is(err, quorum.ErrGap) {
			t.Errorf("watching from before the restore = %v; want ErrGap", err)
		}
		w.Close()
		quorumtest.Close(t, r)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*restore*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestDefragAndMeasure(t *testing.T) {
	m := quorumtest.StartOne(t)
	for range 20 {
		put(t, m, "a", string(make([]byte, 1<<20)))
	}
	before, after, err := m.Defrag(t.Context())
	if err != nil || before <= 0 || after <= 0 || after > before || m.Size() != after {
		t.Errorf("Defrag = %d, %d, %v; the file has %d", before, after, err, m.Size())
	}
	put(t, m, "b", "1")
	middle, worst, err := m.MeasureDisk(t.Context())
	if err != nil || middle <= 0 || worst < middle {
		t.Errorf("MeasureDisk = %v, %v, %v", middle, worst, err)
	}
}
