package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lockkeeper/lockkeeper/quorum"
)

// ErrDataDirInUse is returned by [Run] when another process serves from the data directory.
var ErrDataDirInUse = errors.New("data directory in use by another process")

// ErrRemoved is what [Run] returns when the cluster has removed this member. Its data directory is of
// no more use.
var ErrRemoved = quorum.ErrRemoved

// LockDataDir makes dir if it is missing and takes it for this process until release is called
// or the process ends. It returns [ErrDataDirInUse] at once if another process has it. Without
// it a second member would wait for ever, in silence, for the first one's database.
func LockDataDir(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	path := filepath.Join(dir, "LOCK")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrDataDirInUse
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return file.Close, nil // closing lets go of the lock; the file stays
}
