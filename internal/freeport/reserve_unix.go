//go:build unix && !solaris && !aix

package freeport

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// reserve locks a file that stands for port, and reports false if somebody else has it. The
// file stays, the lock goes with the process.
func reserve(port int) (release func(), ok bool) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("lockkeeper-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return func() {}, true
	}
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return func() {}, true
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return func() {}, false
	}
	return func() { _ = f.Close() }, true
}
