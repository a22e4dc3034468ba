//go:build linux

package faults

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestFullDisk lets a member's disk run full until its watermark is reached. It shows that
// releases, keepalives and closes go on, that silent sessions still end, that what takes space
// is refused with storage_full, and that space given back ends that without a restart.
func TestFullDisk(t *testing.T) {
	beside(t, waits)
	const soon = 10 * time.Second
	disk := smallDisk(t, "400m")
	c := clustertest.Start(t, 1, clustertest.Options{DataDir: disk, Flags: []string{"--min-free-disk", "100MiB"}})
	m := c.Members[0]
	client := c.Client(clustertest.ClientOptions{Once: true})
	defer client.Close()
	ctx := t.Context()

	session, err := client.Open(ctx, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	held, err := client.Acquire(ctx, "disk/held", clustertest.Acquire{Session: session.Session})
	if err != nil {
		t.Fatal(err)
	}
	waits, err := client.Enqueue(ctx, "disk/held", clustertest.Acquire{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	silent, err := client.Acquire(ctx, "disk/silent", clustertest.Acquire{TTL: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}

	filler := filepath.Join(disk, "filler")
	fill(t, filler, 50<<20)
	full := time.Now()
	clustertest.Eventually(t, soon, "an acquire is refused", func() bool {
		h, err := client.Acquire(ctx, "disk/new", clustertest.Acquire{TTL: time.Minute})
		if err == nil {
			_, err = client.Release(ctx, "disk/new", h.Session, h.Token)
			if err != nil {
				t.Fatal(err)
			}
			return false
		}
		if clustertest.Code(err) != "storage_full" {
			t.Fatalf("an acquire on a full disk: %v; want storage_full", err)
		}
		return true
	})
	t.Logf("what takes space is refused %v after the disk ran full", time.Since(full))
	for what, do := range map[string]func() error{
		"a new session": func() error { _, err := client.Open(ctx, time.Minute); return err },
		"a place in a queue": func() error {
			_, err := client.Enqueue(ctx, "disk/held", clustertest.Acquire{TTL: time.Minute})
			return err
		},
		"an acquire with a session": func() error {
			_, err := client.Acquire(ctx, "disk/other", clustertest.Acquire{Session: session.Session})
			return err
		},
	} {
		if err := do(); clustertest.Code(err) != "storage_full" {
			t.Errorf("%s on a full disk: %v; want storage_full", what, err)
		}
	}
	r, err := c.Readiness(ctx, m)
	if err != nil || r.HTTP != http.StatusOK || !r.StorageFull || r.Reason != "storage_full" {
		t.Errorf("the member says of itself %+v, %v; want it ready, and storage_full", r, err)
	}

	// What gives space back, or takes none, goes on.
	if _, err := client.Touch(ctx, session.Session); err != nil {
		t.Errorf("a keepalive on a full disk: %v", err)
	}
	if _, err := client.Release(ctx, "disk/held", session.Session, held.Token); err != nil {
		t.Errorf("a release on a full disk: %v", err)
	}
	q, err := client.Queue(ctx, "disk/held")
	if err != nil || q.Holder == nil || q.Holder.Token != waits.Token {
		t.Errorf("after a release on a full disk: %+v, %v; want the waiter to hold", q, err)
	}
	if err := client.CloseSession(ctx, session.Session); err != nil {
		t.Errorf("a close on a full disk: %v", err)
	}
	clustertest.Eventually(t, soon, "a silent session ends on a full disk", func() bool {
		_, err := client.Session(ctx, silent.Session)
		return clustertest.Code(err) == "session_lost"
	})

	// Space given back ends it.
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	clustertest.Eventually(t, soon, "an acquire is granted again", func() bool {
		h, err := client.Acquire(ctx, "disk/new", clustertest.Acquire{TTL: time.Minute})
		if err == nil && h.Token <= waits.Token {
			t.Errorf("token %d was given after %d", h.Token, waits.Token)
		}
		return err == nil
	})
	t.Logf("an acquire is granted %v after space was given back", time.Since(freed))
	if r, err := c.Readiness(ctx, m); err != nil || r.StorageFull {
		t.Errorf("the member says of itself %+v, %v; want storage_full over", r, err)
	}
}

// smallDisk mounts a file system of its own in memory, which goes with the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		absent.Skip(t, "mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fill writes a file so large that only free bytes are left on its disk.
func fill(t *testing.T, path string, free uint64) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &s); err != nil {
		t.Fatal(err)
	}
	have := s.Bavail * uint64(s.Bsize)
	if have <= free {
		t.Fatalf("only %d bytes are free from the start", have)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, int64(have-free)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB were free, %d MiB are", have>>20, free>>20)
}
