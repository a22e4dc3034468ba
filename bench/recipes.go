package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/lockkeeper/lockkeeper/sdk"
)

const (
	recipeWorkers = 64
	recipePermits = 16 // Cycles.java has it, too
	recipeLeaders = 16
	recipeNames   = 16 // elections at once; Cycles.java has it, too
	recipeGain    = 3  // the goal: so many times Curator's rate
)

// errTooMany would be the end of all figures.
var errTooMany = errors.New("more workers hold permits than there are")

// A recipe is work that our SDK and Curator both have a name for.
type recipe struct {
	contest
	curator []string // ways to do it there, as Cycles.java knows them; the fastest is the yardstick
	worker  func(c *sdk.Client, i int) mutex
}

// recipeList is what is measured. Workers of one process share a stream and a session, as the
// threads of one JVM do.
func recipeList() []*recipe {
	var inUse atomic.Int64 // permits
	return []*recipe{
		{
			contest: contest{
				name: "recipes, read", workers: recipeWorkers, span: contestTime,
				title: fmt.Sprintf("recipes, read: %d readers in one process, one read-write lock; a cycle takes it to read and gives it back; RWMutex.RLock, and Curator's InterProcessReadWriteLock", recipeWorkers),
			},
			curator: []string{"read"},
			worker: func(c *sdk.Client, _ int) mutex {
				m := c.RWMutex("bench/read")
				return &turn{take: func(ctx context.Context) (func(context.Context) error, error) {
					hold, err := m.RLock(ctx)
					return hold.Unlock, err
				}}
			},
		},
		{
			contest: contest{
				name: "recipes, semaphore", workers: recipeWorkers, span: contestTime,
				title: fmt.Sprintf("recipes, semaphore: %d workers in one process, one semaphore of %d permits; a cycle takes one and gives it back; Semaphore.Acquire, and Curator's InterProcessSemaphoreV2", recipeWorkers, recipePermits),
			},
			curator: []string{"semaphore"},
			worker: func(c *sdk.Client, _ int) mutex {
				s := c.Semaphore("bench/semaphore", sdk.WithPermits(recipePermits))
				return &turn{take: func(ctx context.Context) (func(context.Context) error, error) {
					hold, err := s.Acquire(ctx, 1)
					if err == nil && inUse.Add(1) > recipePermits {
						err = errTooMany
					}
					return func(ctx context.Context) error {
						inUse.Add(-1)
						return hold.Unlock(ctx)
					}, err
				}}
			},
		},
		{
			contest: contest{
				name: "recipes, election", workers: recipeLeaders, hot: true, what: ofWaits, span: contestTime, counts: "terms",
				title: fmt.Sprintf("recipes, election: %d candidates in one process, one election; each campaigns, leads, resigns at once and campaigns again; what counts is terms; Election.Campaign, and Curator's LeaderSelector that queues again by itself, and its LeaderLatch, a new one for each term", recipeLeaders),
			},
			curator: []string{"selector", "latch"},
			worker: func(c *sdk.Client, i int) mutex {
				e, value := c.Election("bench/election"), fmt.Sprintf("candidate %d", i)
				return &turn{take: func(ctx context.Context) (func(context.Context) error, error) {
					term, err := e.Campaign(ctx, value)
					return term.Resign, err
				}}
			},
		},
		{
			contest: contest{
				name: "recipes, elections", workers: recipeWorkers, what: ofWaits, span: contestTime, counts: "terms",
				title: fmt.Sprintf("recipes, elections: %d candidates in one process, %d elections, otherwise the same", recipeWorkers, recipeNames),
			},
			curator: []string{"selectors", "latches"},
			worker: func(c *sdk.Client, i int) mutex {
				e, value := c.Election(fmt.Sprintf("bench/elections/%d", i%recipeNames)), fmt.Sprintf("candidate %d", i)
				return &turn{take: func(ctx context.Context) (func(context.Context) error, error) {
					term, err := e.Campaign(ctx, value)
					return term.Resign, err
				}}
			},
		},
	}
}

// recipes measures read locks, a semaphore and an election by our SDK, against Curator with Apache
// ZooKeeper. Both sides have each write on disk before they answer.
func (b *bench) recipes(ctx context.Context) (err error) {
	classes, err := b.compileCycles(ctx)
	if err != nil {
		return err
	}
	apache, err := apacheSide(ctx, b, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apache.close()) }()
	ours, err := oursParty(ctx, b, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	for _, r := range recipeList() {
		if err := r.run(ctx, b, classes, ours, apache); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// run measures one recipe: all sides in turn, so often as there are rounds, and another begins each
// time.
func (r *recipe) run(ctx context.Context, b *bench, classes string, member *party, apache *zkSide) error {
	ours := &party{series: series{name: member.name}, servers: member.servers}
	mutexes := make([]mutex, r.workers)
	for i := range mutexes {
		mutexes[i] = r.worker(member.client, i)
	}
	if _, err := r.measure(ctx, b, ours, mutexes, warmTime); err != nil {
		return err
	}
	sides := []*party{ours}
	for _, way := range r.curator {
		sides = append(sides, &party{series: series{name: "Curator's " + way + " and " + apache.name}, version: apache.version})
	}
	for round := range b.rounds {
		var rates []string
		for i := range sides {
			k := (i + round) % len(sides)
			var l load
			var err error
			if k == 0 {
				l, err = r.measure(ctx, b, ours, mutexes, r.span)
				l.ops += l.again // Curator's count has them, too
			} else {
				l, err = b.cycles(ctx, classes, apache, r.curator[k-1], r.workers)
			}
			if err != nil {
				return err
			}
			sides[k].rounds = append(sides[k].rounds, l)
			rates = append(rates, fmt.Sprintf("%s %s/s", sides[k].name, number(l.rate())))
		}
		b.say("%s, round %d: %s", r.name, round+1, strings.Join(rates, ", "))
	}
	r.report(b, sides)
	return nil
}

// report adds the recipe's part of the report. The first of sides is ours.
func (r *recipe) report(b *bench, sides []*party) {
	b.out.section(r.title)
	b.out.rates(strings.TrimPrefix(r.unit(), ": "), sides...)
	fastest := slices.MaxFunc(sides[1:], func(x, y *party) int {
		return cmp.Compare(x.median(perSecond), y.median(perSecond))
	})
	b.out.note("against %s", fastest.version)
	r.atLeast(b, sides[0], fastest, recipeGain)
}

// A turn is a mutex by what takes it and how that is given back.
type turn struct {
	take func(ctx context.Context) (back func(context.Context) error, err error)
	back func(context.Context) error
}

// Lock is part of mutex.
func (t *turn) Lock(ctx context.Context) (err error) {
	t.back, err = t.take(ctx)
	return err
}

// Unlock is part of mutex.
func (t *turn) Unlock(ctx context.Context) error { return t.back(ctx) }
