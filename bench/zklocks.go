package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// zkTimeout is of the sessions of ZooKeeper's clients.
const zkTimeout = 30 * time.Second

// zkLocks measures go-zookeeper's Lock on distinct locks, each with a session of its own.
func (b *bench) zkLocks(ctx context.Context) error {
	for _, sessions := range []int{1, 64, lockWorkers} {
		err := b.zkSides(ctx, 1, func(ours, apache *zkSide) error {
			return b.zkContest(ctx, fmt.Sprintf("zk-locks, %d", sessions), sessions, 1.5, ours, apache)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// zkThree does the same with three members each.
func (b *bench) zkThree(ctx context.Context) error {
	for _, sessions := range []int{1, 64, lockWorkers} {
		err := b.zkSides(ctx, membersMany, func(ours, apache *zkSide) error {
			return b.zkContest(ctx, fmt.Sprintf("zk-three, %d", sessions), sessions, 1.5, ours, apache)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) zkContest(ctx context.Context, name string, sessions int, want float64, ours, apache *zkSide) error {
	c := &contest{
		name: name, workers: sessions, span: contestTime,
		title: fmt.Sprintf("%s: %d sessions of go-zookeeper in one process, each with a lock of its own; a cycle is Lock and Unlock; latency is a cycle's", name, sessions),
	}
	if err := c.run(ctx, b, apache.party, ours.party); err != nil {
		return err
	}
	c.report(b, apache.party, ours.party)
	c.atLeast(b, ours.party, apache.party, want)
	return nil
}

// zkHot measures go-zookeeper's Lock on one path.
func (b *bench) zkHot(ctx context.Context) error {
	return b.zkSides(ctx, 1, func(ours, apache *zkSide) error {
		c := &contest{
			name: "zk-hot", workers: hotWorkers, hot: true, what: ofWaits, span: contestTime,
			title: fmt.Sprintf("zk-hot: %d sessions of go-zookeeper in one process, one lock; what counts is that it passes to another; latency is the wait for it", hotWorkers),
		}
		if err := c.run(ctx, b, apache.party, ours.party); err != nil {
			return err
		}
		c.report(b, apache.party, ours.party)
		c.atLeast(b, ours.party, apache.party, 2)
		return nil
	})
}

// zkMutexes returns mutexes that make makes, each of a session of its own, spread over addresses.
// The sessions end with ctx.
func zkMutexes(addresses []string, make func(c *zk.Conn, name string) mutex) func(context.Context, []string) ([]mutex, error) {
	return func(ctx context.Context, names []string) ([]mutex, error) {
		conns, err := zkConnect(ctx, addresses, len(names))
		var list []mutex
		for i, c := range conns {
			list = append(list, make(c, names[i]))
		}
		return list, err
	}
}

// zkConnect opens n sessions, spread over addresses. They end with ctx.
func zkConnect(ctx context.Context, addresses []string, n int) ([]*zk.Conn, error) {
	list, errs := make([]*zk.Conn, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() { list[i], errs[i] = zkSession(ctx, addresses[i%len(addresses)]) })
	}
	wg.Wait()
	return list, errors.Join(errs...)
}

// zkSession opens a session, which ends with ctx.
func zkSession(ctx context.Context, address string) (*zk.Conn, error) {
	c, events, err := zk.Connect([]string{address}, zkTimeout, zk.WithLogger(silent{}))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, c.Close)
	patience := time.NewTimer(startTime)
	defer patience.Stop()
	for {
		select {
		case e := <-events:
			if e.State == zk.StateHasSession {
				return c, nil
			}
		case <-patience.C:
			return nil, fmt.Errorf("no session at %s", address)
		}
	}
}

// silent is a logger of go-zookeeper.
type silent struct{}

// Printf is part of zk.Logger.
func (silent) Printf(string, ...any) {}

// A zkLock is go-zookeeper's under the names of the others' methods.
type zkLock struct{ lock *zk.Lock }

func newZKLock(c *zk.Conn, name string) mutex {
	return zkLock{zk.NewLock(c, "/"+name, zk.WorldACL(zk.PermAll))}
}

// Lock is part of mutex.
func (l zkLock) Lock(context.Context) error { return l.lock.Lock() }

// Unlock is part of mutex.
func (l zkLock) Unlock(context.Context) error { return l.lock.Unlock() }
