package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	curatorThreads = 32
	curatorWarm    = 5 * time.Second // Java's compiler needs it
)

//go:embed testdata/Cycles.java
var cyclesSource []byte

// zkCurator measures Curator's InterProcessMutex from one JVM, a fresh one each time.
func (b *bench) zkCurator(ctx context.Context) error {
	classes, err := b.compileCycles(ctx)
	if err != nil {
		return err
	}
	return b.zkSides(ctx, 1, func(ours, apache *zkSide) error {
		sides := []*zkSide{apache, ours}
		for round := range b.rounds {
			for i := range sides {
				s := sides[(i+round)%len(sides)]
				l, err := b.cycles(ctx, classes, s, "mutex", curatorThreads)
				if err != nil {
					return err
				}
				s.rounds = append(s.rounds, l)
				b.say("zk-curator, round %d: %s %s/s", round+1, s.name, number(l.rate()))
			}
		}
		b.out.section(fmt.Sprintf("zk-curator: Curator's InterProcessMutex, %d threads of one JVM, each with a path of its own; a cycle is acquire and release", curatorThreads))
		b.out.rates("cycles", apache.party, ours.party)
		b.out.note("against %s", apache.version)
		(&contest{name: "zk-curator"}).atLeast(b, ours.party, apache.party, 1.5)
		return nil
	})
}

// rates adds a line for each party of those that tell no latencies.
func (r *report) rates(what string, parties ...*party) {
	for _, p := range parties {
		r.note("%s: %s %s a second (%s to %s), the server's CPU for one %s", p.name, number(p.median(perSecond)), what,
			number(p.least(perSecond)), number(p.most(perSecond)), short(toDuration(p.median(cpuPerOp))))
	}
}

// compileCycles compiles the program that uses Curator, and returns the class path to start it with.
func (b *bench) compileCycles(ctx context.Context) (classes string, err error) {
	path, err := classPath()
	if err != nil {
		return "", err
	}
	dir := b.newDir("java")
	source := filepath.Join(dir, "Cycles.java")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(source, cyclesSource, 0o644)); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "javac", "-nowarn", "-cp", path, "-d", dir, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("javac: %w: %s", err, out)
	}
	return path + ":" + dir, nil
}

// cycles has a fresh JVM do one of Curator's recipes, by the name that the program knows it by, and
// measures that once it is warm.
func (b *bench) cycles(ctx context.Context, classes string, s *zkSide, recipe string, threads int) (l load, err error) {
	if err := pause(ctx, settleTime); err != nil {
		return l, err
	}
	warm := b.span(curatorWarm)
	used := s.cpu()
	cmd := exec.CommandContext(ctx, "java", "-cp", classes, "Cycles", s.addresses[0], recipe, strconv.Itoa(threads),
		strconv.FormatInt(warm.Milliseconds(), 10), strconv.FormatInt(b.span(contestTime).Milliseconds(), 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		_, err = fmt.Sscan(string(out), &l.ops, &l.wall)
	}
	if err == nil && l.ops == 0 {
		err = errNothing
	}
	if err != nil {
		return l, fmt.Errorf("%s: %s: %w", s.name, recipe, err)
	}
	l.cpu = time.Duration(float64(s.cpu()-used) * float64(l.wall) / float64(l.wall+warm))
	return l, nil
}
