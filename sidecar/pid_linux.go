package sidecar

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// A pidWatch is a descriptor that becomes readable when a process has ended (pidfd_open(2)). The
// process's number may be given to another; the descriptor never is.
type pidWatch struct{ file *os.File }

func watchPID(pid int) (*pidWatch, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &pidWatch{os.NewFile(uintptr(fd), "pidfd")}, nil
}

// wait returns nil when the process has ended, or an error when ctx has.
func (w *pidWatch) wait(ctx context.Context) error {
	defer context.AfterFunc(ctx, w.close)()
	conn, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	err = conn.Read(ended)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// ended reports whether the process has ended; one that nobody has waited for yet, too.
func (w *pidWatch) ended() bool {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return true
	}
	over := true
	return conn.Control(func(fd uintptr) { over = ended(fd) }) != nil || over
}

func ended(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 1
}

func (w *pidWatch) close() { _ = w.file.Close() }
