package main

import (
	"context"
	"errors"

	"github.com/lockkeeper/lockkeeper/quorum"
)

// single measures what a lone worker's cycle takes, against the least that it could: two bare
// transactions of an etcd in this process, which are two fsyncs, and no network.
func (b *bench) single(ctx context.Context) error {
	return b.gather(ctx, 1, true, func(ours, etcd, redis *party) (err error) {
		floor, err := floorParty(ctx, b)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, floor.close()) }()
		c := &contest{
			name: "single", workers: 1, span: contestTime,
			title: "single: one worker, one lock; a cycle takes it and gives it back; latency is a cycle's",
		}
		if err := c.run(ctx, b, floor, ours, etcd, redis); err != nil {
			return err
		}
		c.report(b, floor, ours, etcd, redis)
		b.out.note("the transactions are of an etcd in the worker's process, whose CPU is all of it; the others are reached over loopback")
		c.atMost(b, ours, floor, 1.5)
		return nil
	})
}

// floorParty starts an etcd in this process.
func floorParty(ctx context.Context, b *bench) (*party, error) {
	c, err := openQuorum(ctx, b.newDir("floor"))
	if err != nil {
		return nil, err
	}
	return &party{
		series:  series{name: "two bare etcd transactions"},
		servers: []running{here{c}},
		mutexes: func(_ context.Context, names []string) ([]mutex, error) {
			list := make([]mutex, len(names))
			for i, name := range names {
				list[i] = &bare{quorum: c.quorum, key: "bare/" + name}
			}
			return list, nil
		},
	}, nil
}

// A bare mutex is a key that exists or does not. It knows neither sessions nor waiting.
type bare struct {
	quorum *quorum.Member
	key    string
}

// Lock is part of mutex: a transaction that puts the key if it is not there.
func (m *bare) Lock(ctx context.Context) error {
	return m.commit(ctx, quorum.ModRevisionIs(m.key, 0), quorum.Op{Key: m.key, Value: make([]byte, smallBytes)})
}

// Unlock is part of mutex: a transaction that deletes it.
func (m *bare) Unlock(ctx context.Context) error {
	return m.commit(ctx, quorum.VersionIs(m.key, 1), quorum.Op{Key: m.key, Delete: true})
}

func (m *bare) commit(ctx context.Context, guard quorum.Guard, op quorum.Op) error {
	r, err := m.quorum.Txn(ctx, quorum.Txn{Guards: []quorum.Guard{guard}, Ops: []quorum.Op{op}})
	if err == nil && !r.Committed {
		err = errors.New("a bare key is not as it was left")
	}
	return err
}
