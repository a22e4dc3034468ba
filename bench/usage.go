package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownCPU is the processor time that this process has used so far, in user and kernel together.
func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quiet waits until this process does next to nothing, or half a minute.
func quiet(ctx context.Context) error {
	const look, most = 500 * time.Millisecond, 60
	tick := time.NewTicker(look)
	defer tick.Stop()
	before := ownCPU()
	for range most {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		used := ownCPU() - before
		if before += used; used < look/20 {
			return nil
		}
	}
	return nil
}

// ownUsage is what this process has used so far.
func ownUsage() childUsage {
	u := childUsage{CPU: int64(ownCPU())}
	u.Resident, u.Mapped = memory()
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	u.Heap = int64(heap[0].Value.Uint64())
	return u
}

// resident is how many bytes of this process are in memory, those of mapped files included; 0
// where the system does not tell.
func resident() int64 {
	all, _ := memory()
	return all
}

// memory is resident, and how much of it is mapped files.
func memory() (all, mapped int64) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0
	}
	part := strings.Fields(string(text))
	if len(part) < 3 {
		return 0, 0
	}
	pages, _ := strconv.ParseInt(part[1], 10, 64)
	shared, _ := strconv.ParseInt(part[2], 10, 64)
	return pages * int64(os.Getpagesize()), shared * int64(os.Getpagesize())
}

// diskUse is how many bytes the files under dir take up on disk.
func diskUse(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // etcd has removed it meanwhile
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			size += st.Blocks * 512
		}
		return nil
	})
	return size, err
}
