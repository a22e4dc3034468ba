package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/lockkeeper/lockkeeper/sdk"
)

const (
	nestedWorkers = 64
	nestedLocks   = 16
)

// deadlock measures what it costs to look for cycles of waits: workers that each hold one lock while
// they wait for another, in one order, so that there is never a cycle but often something to look
// at. The members are the same but for their setting; both keep the index that a look goes by, for
// their lists.
func (b *bench) deadlock(ctx context.Context) (err error) {
	on, err := nestedParty(ctx, b, "refuse")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.close()) }()
	off, err := nestedParty(ctx, b, "off")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, off.close()) }()
	c := &contest{
		name: "deadlock", workers: nestedWorkers, span: contestTime,
		title: fmt.Sprintf("deadlock: %d workers in one process, each takes two of %d locks in their order and gives them back; each is an actor of its own, by its owner, of one session; latency is a cycle's",
			nestedWorkers, nestedLocks),
	}
	if err := c.run(ctx, b, off, on); err != nil {
		return err
	}
	c.report(b, off, on)
	b.out.note("both members keep the index of who blocks whom; what differs is the look at it when a wait begins")
	c.atLeast(b, on, off, 0.95)
	return nil
}

// nestedParty starts a member with the setting, and a client of it.
func nestedParty(ctx context.Context, b *bench, setting string) (*party, error) {
	p, err := oursWith(ctx, b, 1, "--deadlocks", setting)
	if err != nil {
		return nil, err
	}
	p.name = "deadlocks " + setting
	p.mutexes = func(_ context.Context, names []string) ([]mutex, error) {
		list := make([]mutex, len(names))
		for i := range names {
			w := &nested{random: rand.New(rand.NewPCG(uint64(i), 1))}
			for k := range nestedLocks {
				w.locks = append(w.locks, p.client.Mutex(fmt.Sprintf("bench/nested/%d", k), sdk.WithLockOwner(fmt.Sprintf("worker %d", i))))
			}
			list[i] = w
		}
		return list, nil
	}
	return p, nil
}

// nested is two locks at a time, other ones at each. It is for one goroutine.
type nested struct {
	locks  []*sdk.Mutex
	random *rand.Rand
	held   [2]*sdk.Hold
}

// Lock is part of mutex.
func (n *nested) Lock(ctx context.Context) (err error) {
	first := n.random.IntN(len(n.locks) - 1)
	second := first + 1 + n.random.IntN(len(n.locks)-first-1)
	for i, k := range []int{first, second} {
		if n.held[i], err = n.locks[k].Lock(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Unlock is part of mutex.
func (n *nested) Unlock(ctx context.Context) error {
	return errors.Join(n.held[1].Unlock(ctx), n.held[0].Unlock(ctx))
}
