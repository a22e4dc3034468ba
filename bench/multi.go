package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockkeeper/lockkeeper/sdk"
)

const (
	multiLocks = 10
	multiCost  = 1.5 // the goal: at most so many times what one lock costs
)

// multi measures what it costs to take several free locks together, against one, at the same member.
func (b *bench) multi(ctx context.Context) (err error) {
	member, err := oursParty(ctx, b, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, member.close()) }()
	one := &party{series: series{name: "one lock"}, servers: member.servers, mutexes: member.mutexes}
	many := &party{series: series{name: fmt.Sprintf("%d locks together", multiLocks)}, servers: member.servers, mutexes: multiMutexes(member.client)}
	c := &contest{
		name: "multi", workers: 1, span: contestTime,
		title: fmt.Sprintf("multi: one worker; a cycle takes one lock and gives it back, or %d free ones by one MultiLock; latency is a cycle's", multiLocks),
	}
	if err := c.run(ctx, b, one, many); err != nil {
		return err
	}
	c.report(b, one, many)
	c.atMost(b, many, one, multiCost)
	return nil
}

// multiMutexes returns mutexes that are several locks each, of names of their own.
func multiMutexes(c *sdk.Client) func(context.Context, []string) ([]mutex, error) {
	return func(_ context.Context, names []string) ([]mutex, error) {
		list := make([]mutex, len(names))
		for i := range names {
			parts := make([]string, multiLocks)
			for k := range parts {
				parts[k] = fmt.Sprintf("bench/multi/%d/%d", i, k)
			}
			m := c.MultiLock(parts)
			list[i] = &turn{take: func(ctx context.Context) (func(context.Context) error, error) {
				holds, err := m.Lock(ctx)
				return holds.Unlock, err
			}}
		}
		return list, nil
	}
}
