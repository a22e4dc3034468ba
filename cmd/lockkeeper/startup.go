package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/lockkeeper/lockkeeper/server"
)

// startupError says of an error of [server.Run] which flag to change, where that is known.
func startupError(err error, cfg *server.Config) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another process: stop that one ('ss -ltnp' lists who listens) or choose another address (%w)", listener(err, cfg), err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is no address of this machine: 'ip address' lists them (%w)", listener(err, cfg), err)
	case errors.Is(err, server.ErrDataDirInUse):
		return fmt.Errorf("--data-dir %s: another process serves from it: stop that one, or choose another directory", cfg.DataDir)
	case strings.Contains(err.Error(), "already been bootstrapped"): // etcd has no error of its own for it
		return fmt.Errorf("--data-dir %s is not the one that this member had, whose votes it has forgotten: bring that back, or let another take its place: "+
			"'lockkeeper member remove %s', then serve with --join (%w)", cfg.DataDir, cfg.Name, err)
	case errors.Is(err, server.ErrRemoved):
		return fmt.Errorf("this member was removed from the cluster, and --data-dir %s is of no more use: to come back, serve with an empty one and --join (%w)", cfg.DataDir, err)
	}
	if _, ok := errors.AsType[*net.OpError](err); ok && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s needs rights this process does not have: choose a port above 1023 (%w)", listener(err, cfg), err)
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok && strings.HasPrefix(path.Path, cfg.DataDir) {
		return fmt.Errorf("--data-dir %s: %w", cfg.DataDir, err)
	}
	return err
}

// listener returns the flag and the address that a listen error is about.
func listener(err error, cfg *server.Config) string {
	refused := ""
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		refused = op.Addr.String()
	}
	for _, l := range []struct{ flag, address string }{
		{"http-listen", cfg.HTTPListen},
		{"zookeeper-listen", cfg.ZooKeeperListen},
		{"client-listen", cfg.ClientListen},
		{"peer-listen", cfg.PeerListen},
	} {
		if l.address == server.Off {
			continue
		}
		if l.address == refused || sameAddress(l.address, refused) || (refused == "" && strings.Contains(err.Error(), l.address)) {
			return "--" + l.flag + " " + l.address
		}
	}
	if refused != "" {
		return refused
	}
	return "a listener's address"
}

// sameAddress reports whether configured, which may hold a name, is what was bound.
func sameAddress(configured, bound string) bool {
	c, err := net.ResolveTCPAddr("tcp", configured)
	if err != nil {
		return false
	}
	b, err := net.ResolveTCPAddr("tcp", bound)
	return err == nil && c.Port == b.Port && (c.IP.Equal(b.IP) || (c.IP == nil && b.IP.IsUnspecified()))
}
