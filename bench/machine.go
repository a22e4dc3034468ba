package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describe tells what the figures were taken on. Its error says that dir does not do: memory
// takes an fsync for nothing, so that whoever needs few of them would gain nothing by it.
func describe(dir string) (string, error) {
	fs := fileSystem(dir)
	if fs == "tmpfs" || fs == "ramfs" {
		return "", fmt.Errorf("-dir is on %s: name a directory on a real disk", fs)
	}
	fsync, err := fsyncTime(dir)
	if err != nil {
		return "", err
	}
	var name unix.Utsname
	kernel := "unknown kernel"
	if unix.Uname(&name) == nil {
		kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	return fmt.Sprintf("%d cores (%s), %s, %s, %s, fsync of 4 KiB %s (median), load %s",
		runtime.GOMAXPROCS(0), processor(), kernel, runtime.Version(), fs, short(fsync), loadAverage()), nil
}

// processor is the processor's name, as Linux tells it.
func processor() string {
	for key, value := range fields("/proc/cpuinfo", ":") {
		if key == "model name" {
			return value
		}
	}
	return runtime.GOARCH
}

// fields walks the lines of a file of keys and values.
func fields(path, separator string) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			key, value, _ := strings.Cut(lines.Text(), separator)
			if !yield(strings.TrimSpace(key), strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// loadAverage is how many threads wanted to run in the last minute; the run should have the
// machine for itself.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// fileSystem is the type of the file system that dir lies on.
func fileSystem(dir string) string {
	best, kind := "", "unknown file system"
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return kind
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		part := strings.Fields(lines.Text())
		if len(part) < 3 || len(part[1]) < len(best) {
			continue
		}
		if rel, err := filepath.Rel(part[1], dir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			best, kind = part[1], part[2]
		}
	}
	return kind
}

// fsyncTime is how long a small write and its fsync take in dir: the median of a hundred.
func fsyncTime(dir string) (median time.Duration, err error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	took := make([]time.Duration, 100)
	block := make([]byte, 4096)
	for i := range took {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
