package sidecar

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Slim gives back memory that a sidecar does not need: of the program, which is large because it
// can be a member, too, what only its start has read. The kernel reads a page again from the file
// when it is needed. It is called once, at the start of the process.
func Slim() {
	debug.SetGCPercent(50) // a heap of few MiB; collecting it more often costs little
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		// address perms offset dev inode path
		f := strings.Fields(string(line))
		if len(f) != 6 || f[5] != exe || strings.ContainsRune(f[1], 'w') {
			continue // what may have been written to is not in the file
		}
		from, to, _ := strings.Cut(f[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED)
	}
	runtime.KeepAlive(maps)
}
