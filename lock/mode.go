package lock

import (
	"fmt"
	"strings"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A Mode says whom a hold excludes. All modes queue in one line, first come first served, so
// neither readers nor writers starve.
type Mode string

// The values of a Mode. ModeExclusive and ModeWrite both exclude everybody; they differ in the clients of
// ZooKeeper that stay away by themselves: those of Curator's InterProcessMutex and of go-zookeeper's
// Lock, or those of Curator's InterProcessReadWriteLock.
const (
	ModeExclusive Mode = ""
	ModeRead      Mode = "read" // held together with other readers
	ModeWrite     Mode = "write"
)

// What stands between the id and the number in a contender's name.
const (
	exclusiveStem = "-lock-"
	readStem      = "-__READ__"
	writeStem     = "-__WRIT__"
)

func (m Mode) stem() string {
	switch m {
	case ModeRead:
		return readStem
	case ModeWrite:
		return writeStem
	}
	return exclusiveStem
}

func (m Mode) validate() error {
	switch m {
	case ModeExclusive, ModeRead, ModeWrite:
		return nil
	}
	return &lease.InputError{Field: "mode", Problem: fmt.Sprintf("is %.20q", string(m)), Fix: `say "read" or "write", or leave it out for a lock that nobody shares`}
}

// modeOf tells a contender's mode by its path, whatever client it belongs to.
func modeOf(path string) Mode {
	_, name := znode.Split(path)
	switch {
	case znode.Shared(name):
		return ModeRead
	case strings.Contains(name, "__WRIT__"):
		return ModeWrite
	}
	return ModeExclusive
}
