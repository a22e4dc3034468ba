package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

const (
	startNodes = 1_000_000
	startBound = 20 * time.Second
)

// start measures how long a member takes from the start of its process to being ready, with
// very many znodes in its data directory.
func (b *bench) start(ctx context.Context) error {
	dir := filepath.Join(b.dir, "start")
	nodes := b.count(startNodes, crowd)
	p, err := b.fillNodes(ctx, dir, nodes)
	if err != nil {
		return err
	}
	s := series{name: fmt.Sprintf("start with %s znodes", number(float64(nodes)))}
	var memory int64
	for round := range b.rounds {
		m, err := startProcess(ctx, childConfig{Kind: "member", Dir: dir, Ports: p})
		if err != nil {
			return err
		}
		u, err := m.usage()
		if err = errors.Join(err, m.stop()); err != nil {
			return err
		}
		h := newHistogram()
		_ = h.RecordValue(int64(m.took)) // above a minute it is missed anyway
		s.rounds = append(s.rounds, load{ops: 1, wall: m.took, cpu: time.Duration(u.CPU), latency: h})
		memory = max(memory, u.Resident)
		b.say("start, round %d: ready after %s", round+1, short(m.took))
	}
	b.out.section("start: a process with its data in the page cache, until its line that it is ready")
	took := time.Duration(s.median(perOp))
	least, most := toDuration(s.least(perOp)), toDuration(s.most(perOp))
	b.out.note("%s: %s (%s to %s), %s of CPU, %s resident", s.name, short(took), short(least), short(most), short(toDuration(s.median(cpuPerOp))), mib(memory))
	b.out.judge(goal{
		name: s.name, ours: short(took), yardstick: "", got: took.Seconds(), want: startBound.Seconds(), atMost: true, unit: " s",
	})
	return nil
}

// fillNodes makes a data directory with n znodes of 32 bytes and paths of some 40, in
// directories of a thousand.
func (b *bench) fillNodes(ctx context.Context, dir string, n int) (p ports, err error) {
	c, err := openCore(ctx, dir)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	each := n / crowd
	l, err := drive(ctx, crowd, n, ownCPU, func(ctx context.Context, caller, i int) error {
		number := caller*each + i
		r := create(fmt.Sprintf("/start/directory-%05d/znode-%012d", number/1000, number), make([]byte, smallBytes))
		r.Ops[0].Parents = true
		return c.do(ctx, r)
	})
	if err == nil {
		b.say("start: %d znodes made, %s/s", n, number(l.rate()))
	}
	return c.ports, err
}
