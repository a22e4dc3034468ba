package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

const (
	growthCallers = 64
	growthOps     = 100_000 // pairs of one round: enough for several collections of a large heap
	longTTL       = time.Hour
)

// growth measures what an acquire and its release cost, in this process and without a door, by
// how much exists already; then how a member grows that serves very many of them.
func (b *bench) growth(ctx context.Context) error {
	if err := b.crowded(ctx); err != nil {
		return err
	}
	return b.soak(ctx)
}

// crowded measures pairs while more and more sessions exist that hold a lock each.
func (b *bench) crowded(ctx context.Context) (err error) {
	c, err := openCore(ctx, filepath.Join(b.dir, "growth"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	mine, err := openLeases(ctx, c, growthCallers)
	if err != nil {
		return err
	}
	var list []*series
	existing := 0
	for _, n := range []int{1_000, 10_000, 100_000} {
		target := b.count(n, growthCallers)
		if err := b.fillLocks(ctx, c, existing, target); err != nil {
			return err
		}
		existing = target
		if err := quiet(ctx); err != nil { // compactions and collections that the filling has left to do
			return err
		}
		s := &series{name: fmt.Sprintf("%s sessions, each with a lock", number(float64(target)))}
		for round := range b.rounds {
			l, err := b.pairs(ctx, c, mine, fmt.Sprintf("free/%d-%d", n, round), b.count(growthOps, growthCallers))
			if err != nil {
				return err
			}
			s.rounds = append(s.rounds, l)
		}
		b.say("growth, %d sessions and locks: %s pairs/s, %s of CPU each", target, number(s.median(perSecond)), short(toDuration(s.median(cpuPerOp))))
		list = append(list, s)
	}
	b.out.section(fmt.Sprintf("growth: pairs of acquire and release by %d callers, in process; CPU is the whole process's", growthCallers))
	b.out.sides(list...)
	first, last := list[0].median(cpuPerOp), list[len(list)-1].median(cpuPerOp)
	b.out.judge(goal{
		name: "CPU of a pair, 100 times as many sessions and locks", ours: short(toDuration(last)), yardstick: short(toDuration(first)) + " at first",
		got: last / first, want: 1.5, atMost: true, unit: "×",
	})
	return nil
}

// openLeases opens n sessions that outlast the run.
func openLeases(ctx context.Context, c *core, n int) ([]lease.ID, error) {
	ids := make([]lease.ID, n)
	_, err := drive(ctx, n, n, ownCPU, func(ctx context.Context, i, _ int) error {
		t, err := c.sessions.Open(ctx, lease.Options{TTL: longTTL})
		ids[i] = t.Session.ID
		return err
	})
	return ids, err
}

// fillLocks opens sessions that take a lock each, up to a total of n.
func (b *bench) fillLocks(ctx context.Context, c *core, existing, n int) error {
	callers := growthCallers
	_, err := drive(ctx, callers, n-existing, ownCPU, func(ctx context.Context, caller, i int) error {
		number := existing + caller*((n-existing)/callers) + i
		t, err := c.sessions.Open(ctx, lease.Options{TTL: longTTL})
		if err != nil {
			return err
		}
		_, err = c.locks.Acquire(ctx, lock.Request{Name: "held/" + strconv.Itoa(number), Session: t.Session.ID, Door: "bench"}, 0)
		return err
	})
	return err
}

// pairs has callers acquire and release a lock each, over and over.
func (b *bench) pairs(ctx context.Context, c *core, sessions []lease.ID, prefix string, ops int) (load, error) {
	runtime.GC()
	stop, err := b.startProfile("pairs")
	if err != nil {
		return load{}, err
	}
	l, err := drive(ctx, len(sessions), ops, ownCPU, func(ctx context.Context, caller, _ int) error {
		return pair(ctx, c, prefix+"/"+strconv.Itoa(caller), sessions[caller])
	})
	return l, errors.Join(err, stop())
}

// pair is one acquire and its release.
func pair(ctx context.Context, c *core, name string, session lease.ID) error {
	h, err := c.locks.Acquire(ctx, lock.Request{Name: name, Session: session, Door: "bench"}, 0)
	if err != nil {
		return err
	}
	_, err = c.locks.Release(ctx, lock.Release{Name: name, Session: session, Token: h.Token})
	return err
}
