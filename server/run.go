package server

import (
	"context"
	"errors"
)

// ErrNotServed is returned by [Run] while this build can only check its configuration.
var ErrNotServed = errors.New("serving is not part of this build")

// Addresses are where a running member listens, with the ports it really got. A door that is
// off has an empty address.
type Addresses struct {
	HTTP, ZooKeeper, Client, Peer string
}

// Run runs a member until ctx ends, then closes it in order and returns nil. It calls ready, if
// not nil, once the member has joined its quorum and every door is open. Any other return is an
// error that says what could not be started or what failed.
func Run(_ context.Context, cfg Config, _ func(Addresses)) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	release, err := LockDataDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	return ErrNotServed
}
