package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-zookeeper/zk"
)

const (
	opsConns   = 4
	opsWorkers = crowd
	readConns  = 64
	readBytes  = 100
)

// zkOps measures single operations: creates and deletes that follow each other on few connections
// without waiting, and reads.
func (b *bench) zkOps(ctx context.Context) error {
	return b.zkSides(ctx, 1, func(ours, apache *zkSide) error {
		return errors.Join(b.zkWrites(ctx, ours, apache), b.zkReads(ctx, ours, apache))
	})
}

func (b *bench) zkWrites(ctx context.Context, ours, apache *zkSide) error {
	for _, s := range []*zkSide{ours, apache} {
		s.mutexes = func(ctx context.Context, names []string) ([]mutex, error) {
			conns, err := zkConnect(ctx, s.addresses, opsConns)
			if err != nil {
				return nil, err
			}
			list := make([]mutex, len(names))
			for i, name := range names {
				list[i] = zkNode{conns[i%len(conns)], "/" + strings.ReplaceAll(name, "/", "-")}
			}
			return list, nil
		}
	}
	c := &contest{
		name: "zk-writes", workers: opsWorkers, span: contestTime,
		title: fmt.Sprintf("zk-writes: creates and deletes of %d workers over %d connections of go-zookeeper; a cycle is a create and a delete", opsWorkers, opsConns),
	}
	if err := c.run(ctx, b, apache.party, ours.party); err != nil {
		return err
	}
	c.report(b, apache.party, ours.party)
	c.atLeast(b, ours.party, apache.party, 1.5)
	return nil
}

// A zkNode is made and removed.
type zkNode struct {
	conn *zk.Conn
	path string
}

// Lock is part of mutex: it makes the node.
func (n zkNode) Lock(context.Context) error {
	_, err := n.conn.Create(n.path, make([]byte, smallBytes), 0, zk.WorldACL(zk.PermAll))
	return err
}

// Unlock is part of mutex: it removes the node.
func (n zkNode) Unlock(context.Context) error { return n.conn.Delete(n.path, -1) }

func (b *bench) zkReads(ctx context.Context, ours, apache *zkSide) error {
	const path = "/read"
	for _, s := range []*zkSide{ours, apache} {
		s.mutexes = func(ctx context.Context, names []string) ([]mutex, error) {
			conns, err := zkConnect(ctx, s.addresses, len(names))
			if err != nil {
				return nil, err
			}
			if _, err := conns[0].Create(path, make([]byte, readBytes), 0, zk.WorldACL(zk.PermAll)); err != nil && !errors.Is(err, zk.ErrNodeExists) {
				return nil, err
			}
			list := make([]mutex, len(names))
			for i := range names {
				list[i] = zkRead{conns[i], path}
			}
			return list, nil
		}
	}
	c := &contest{
		name: "zk-reads", workers: readConns, span: contestTime,
		title: fmt.Sprintf("zk-reads: getData of %d bytes, one at a time on each of %d connections of go-zookeeper; a cycle is one", readBytes, readConns),
	}
	ours.rounds, apache.rounds = nil, nil
	if err := c.run(ctx, b, apache.party, ours.party); err != nil {
		return err
	}
	c.report(b, apache.party, ours.party)
	c.atLeast(b, ours.party, apache.party, 1)
	return nil
}

// A zkRead reads a node.
type zkRead struct {
	conn *zk.Conn
	path string
}

// Lock is part of mutex: it reads.
func (r zkRead) Lock(context.Context) error {
	data, _, err := r.conn.Get(r.path)
	if err == nil && len(data) != readBytes {
		err = fmt.Errorf("%d bytes instead of %d", len(data), readBytes)
	}
	return err
}

// Unlock is part of mutex.
func (zkRead) Unlock(context.Context) error { return nil }
