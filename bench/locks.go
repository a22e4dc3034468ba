package main

import (
	"context"
	"errors"
	"fmt"
)

const (
	lockWorkers = crowd
	hotWorkers  = 64
	membersMany = 3
)

// locksContest is what a service gives to many who do not meet.
func locksContest(name string) *contest {
	return &contest{
		name: name, workers: lockWorkers, span: contestTime,
		title: fmt.Sprintf("%s: %d workers in one process, each with a lock of its own; a cycle takes it and gives it back; latency is a cycle's", name, lockWorkers),
	}
}

// hotContest is what a service gives to many who all want the same.
func hotContest(name string) *contest {
	return &contest{
		name: name, workers: hotWorkers, hot: true, what: ofWaits, span: contestTime,
		title: fmt.Sprintf("%s: %d workers in one process, one lock, taken and given back at once; what counts is that it passes to another worker; latency is the wait for it", name, hotWorkers),
	}
}

// locks measures cycles on distinct locks, against etcd and Redis. The latter comes twice: with
// the connections that its client has by itself, and with the most that help it.
func (b *bench) locks(ctx context.Context) error {
	return b.gather(ctx, 1, true, func(ours, etcd, redis *party) error {
		c := locksContest("locks")
		plain := redis.with(asItComes)
		if err := c.run(ctx, b, etcd, plain, redis, ours); err != nil {
			return err
		}
		c.report(b, etcd, plain, redis, ours)
		b.out.note("redsync comes twice: with the ten connections a core that its client opens by itself, and with one for each worker")
		c.atLeast(b, ours, etcd, 3)
		c.atLeast(b, ours, plain, 1.2)
		c.atLeast(b, ours, redis, 1.2)
		return nil
	})
}

// hot measures hand-overs of one lock, against etcd and Redis. The latter comes twice: as it is,
// and trying again sooner than it does by itself.
func (b *bench) hot(ctx context.Context) error {
	return b.gather(ctx, 1, true, func(ours, etcd, redis *party) error {
		c := hotContest("hot")
		often := redis.with(eager)
		if err := c.run(ctx, b, etcd, redis, often, ours); err != nil {
			return err
		}
		c.report(b, etcd, redis, often, ours)
		b.out.note("redsync tries again after its own 50 to 250 ms, however often that takes; eager, after 5 to 25 ms; that is no yardstick")
		c.fair(b, etcd, redis, often, ours)
		c.atLeast(b, ours, etcd, 3)
		c.atLeast(b, ours, redis, 3)
		c.evenly(b, ours)
		return nil
	})
}

// three measures both again, with three members each, against etcd.
func (b *bench) three(ctx context.Context) error {
	return b.gather(ctx, membersMany, false, func(ours, etcd, _ *party) error {
		c := locksContest("three, locks")
		if err := c.run(ctx, b, etcd, ours); err != nil {
			return err
		}
		c.report(b, etcd, ours)
		b.out.note("three members on this machine; each party's workers are spread over them")
		c.atLeast(b, ours, etcd, 3)

		c = hotContest("three, hot")
		if err := c.run(ctx, b, etcd, ours); err != nil {
			return err
		}
		c.report(b, etcd, ours)
		c.fair(b, etcd, ours)
		c.atLeast(b, ours, etcd, 3)
		c.evenly(b, ours)
		return nil
	})
}

// gather starts the parties for as long as f takes. Without Redis the last one is nil.
func (b *bench) gather(ctx context.Context, members int, withRedis bool, f func(ours, etcd, redis *party) error) (err error) {
	makers := []func(context.Context, *bench, int) (*party, error){oursParty, etcdParty}
	if withRedis {
		makers = append(makers, redisParty)
	}
	parties := make([]*party, 3)
	for i, make := range makers {
		p, err2 := make(ctx, b, members)
		if err2 != nil {
			return err2
		}
		defer func() { err = errors.Join(err, p.close()) }()
		parties[i] = p
	}
	return f(parties[0], parties[1], parties[2])
}

// fair tells how each party's workers took turns, and how evenly they waited.
func (c *contest) fair(b *bench, parties ...*party) {
	for _, p := range parties {
		all := p.latency()
		b.out.note("%s: p99 of a wait is %.2f× its median; %s takes/s, those by who had it last included",
			p.name, float64(all.percentile(99))/float64(all.percentile(50)), number(p.median(takes)))
	}
}

// evenly judges that we serve whoever came first.
func (c *contest) evenly(b *bench, ours *party) {
	all := ours.latency()
	median, most := all.percentile(50), all.percentile(99)
	b.out.judge(goal{
		name: c.name + ": p99 of a wait", ours: short(most), yardstick: short(median) + ", its median",
		got: float64(most) / float64(median), want: 3, atMost: true, unit: "×",
	})
}
