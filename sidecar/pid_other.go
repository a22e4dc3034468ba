//go:build !linux

package sidecar

import (
	"context"
	"os"
	"syscall"
	"time"
)

// A pidWatch looks for a process now and then.
type pidWatch struct{ process *os.Process }

func watchPID(pid int) (*pidWatch, error) {
	process, err := os.FindProcess(pid)
	return &pidWatch{process}, err
}

// wait returns nil when the process has ended, or an error when ctx has.
func (w *pidWatch) wait(ctx context.Context) error {
	for w.process.Signal(syscall.Signal(0)) == nil {
		if !pause(ctx, 100*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// ended reports whether the process has ended.
func (w *pidWatch) ended() bool { return w.process.Signal(syscall.Signal(0)) != nil }

func (w *pidWatch) close() { _ = w.process.Release() }
