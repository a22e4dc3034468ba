package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

const (
	crowd      = 256     // callers at once
	crowdOps   = 120_000 // creates of one side in one round
	aloneOps   = 5_000
	smallBytes = 32 // of data in a small create
)

// store measures creates: through the store, which commits those that wait together, against
// one etcd transaction each, on the same embedded etcd with the same fsync. While etcd is
// measured alone the store is closed, so that nobody follows its transactions.
func (b *bench) store(ctx context.Context) error {
	err := b.creates(ctx, "crowd", crowd, b.count(crowdOps, crowd), func(s *creates) {
		b.out.section(fmt.Sprintf("store: %d callers, one create of %d bytes each on distinct paths under one znode", crowd, smallBytes))
		b.out.sides(&s.bare, &s.ours)
		s.judgeCrowd()
	})
	if err != nil {
		return err
	}
	// On an etcd of its own: what the crowd has left would have to be collected meanwhile.
	return b.creates(ctx, "alone", 1, b.count(aloneOps, 1), func(s *creates) {
		b.out.section("store: the same by one caller")
		b.out.sides(&s.bare, &s.ours)
		s.judgeAlone()
	})
}

// creates compares both sides on a fresh etcd and tells of it.
func (b *bench) creates(ctx context.Context, dir string, callers, ops int, tell func(*creates)) (err error) {
	c, err := openQuorum(ctx, filepath.Join(b.dir, dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s := &creates{bench: b, core: c}
	if err := s.makeDir(ctx); err != nil {
		return err
	}
	if err := s.compare(ctx, callers, ops); err != nil {
		return err
	}
	tell(s)
	return nil
}

// creates are the two sides of the comparison.
type creates struct {
	bench      *bench
	core       *core
	made       int // for names that nobody has had
	bare, ours series
}

const benchDir = "/bench"

func (s *creates) makeDir(ctx context.Context) error {
	if err := s.core.openStore(ctx); err != nil {
		return err
	}
	defer s.core.closeStore()
	return s.core.do(ctx, create(benchDir, nil))
}

func create(path string, data []byte) *znode.Request {
	return &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: path, Data: data, ACL: znode.OpenACL}}}
}

// compare runs both sides in turn, changing who begins.
func (s *creates) compare(ctx context.Context, callers, ops int) error {
	s.bare, s.ours = series{name: "one etcd transaction each"}, series{name: "Lockkeeper's store"}
	for round := range s.bench.rounds {
		sides := []func(context.Context, int, int) error{s.runBare, s.runOurs}
		if round%2 == 1 {
			sides[0], sides[1] = sides[1], sides[0]
		}
		for _, side := range sides {
			if err := side(ctx, callers, ops); err != nil {
				return err
			}
		}
		s.bench.say("store, %d callers, round %d: etcd %s/s, ours %s/s", callers, round+1,
			number(s.bare.rounds[round].rate()), number(s.ours.rounds[round].rate()))
	}
	return nil
}

func (s *creates) runBare(ctx context.Context, callers, ops int) error {
	value := record.AppendContent(nil, &znode.Content{Data: make([]byte, smallBytes), ACL: znode.OpenACL, Czxid: 1 << 32, Ctime: 1 << 40})
	return s.measure(ctx, "etcd", callers, ops, &s.bare, func(ctx context.Context, path string) error {
		key := "bare/" + path
		r, err := s.core.quorum.Txn(ctx, quorum.Txn{
			Guards: []quorum.Guard{quorum.ModRevisionIs(key, 0)},
			Ops:    []quorum.Op{{Key: key, Value: value}},
		})
		if err == nil && !r.Committed {
			err = errors.New("a fresh key exists")
		}
		return err
	})
}

func (s *creates) runOurs(ctx context.Context, callers, ops int) error {
	if err := s.core.openStore(ctx); err != nil {
		return err
	}
	defer s.core.closeStore()
	data := make([]byte, smallBytes)
	return s.measure(ctx, "store", callers, ops, &s.ours, func(ctx context.Context, path string) error {
		return s.core.do(ctx, create(path, data))
	})
}

// measure runs one side for a while to warm it up, and then for the record.
func (s *creates) measure(ctx context.Context, name string, callers, ops int, into *series, make func(context.Context, string) error) error {
	s.made++
	op := func(warm string) func(context.Context, int, int) error {
		return func(ctx context.Context, caller, i int) error {
			return make(ctx, fmt.Sprintf("%s/%s%d-%d-%d", benchDir, warm, s.made, caller, i))
		}
	}
	runtime.GC() // what the other side has left
	if _, err := drive(ctx, callers, max(callers, ops/10/callers*callers), ownCPU, op("w")); err != nil {
		return err
	}
	stop, err := s.bench.startProfile(fmt.Sprintf("%s-%d", name, callers))
	if err != nil {
		return err
	}
	l, err := drive(ctx, callers, ops, ownCPU, op(""))
	into.rounds = append(into.rounds, l)
	return errors.Join(err, stop())
}

func (s *creates) judgeCrowd() {
	ours, bare := s.ours.median(perSecond), s.bare.median(perSecond)
	least, most := ratios(&s.ours, &s.bare, perSecond)
	s.bench.out.note("ratio of the rates in one round: %.2f to %.2f", least, most)
	s.bench.out.judge(goal{
		name: fmt.Sprintf("creates, %d callers", crowd), ours: number(ours) + "/s", yardstick: number(bare) + "/s by one etcd transaction each",
		got: ours / bare, want: 2, unit: "×",
	})
}

func (s *creates) judgeAlone() {
	ours, bare := s.ours.median(perOp), s.bare.median(perOp)
	least, most := ratios(&s.ours, &s.bare, perOp)
	s.bench.out.note("ratio of the times in one round: %.2f to %.2f", least, most)
	s.bench.out.judge(goal{
		name: "one create, one caller", ours: short(toDuration(ours)), yardstick: short(toDuration(bare)) + " by an etcd transaction",
		got: ours / bare, want: 1.3, atMost: true, unit: "×",
	})
}
