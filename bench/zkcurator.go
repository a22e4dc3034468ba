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
	path, err := classPath()
	if err != nil {
		return err
	}
	dir := b.newDir("java")
	source := filepath.Join(dir, "Cycles.java")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(source, cyclesSource, 0o644)); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "javac", "-nowarn", "-cp", path, "-d", dir, source).CombinedOutput(); err != nil {
		return fmt.Errorf("javac: %w: %s", err, out)
	}
	return b.zkSides(ctx, 1, func(ours, apache *zkSide) error {
		sides := []*zkSide{apache, ours}
		for round := range b.rounds {
			for i := range sides {
				s := sides[(i+round)%len(sides)]
				if err := pause(ctx, settleTime); err != nil {
					return err
				}
				used := s.cpu()
				l, err := cycles(ctx, path+":"+dir, s.addresses[0], b.span(curatorWarm), b.span(contestTime))
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				l.cpu = time.Duration(float64(s.cpu()-used) * float64(l.wall) / float64(l.wall+b.span(curatorWarm)))
				s.rounds = append(s.rounds, l)
				b.say("zk-curator, round %d: %s %s/s", round+1, s.name, number(l.rate()))
			}
		}
		b.out.section(fmt.Sprintf("zk-curator: Curator's InterProcessMutex, %d threads of one JVM, each with a path of its own; a cycle is acquire and release", curatorThreads))
		for _, s := range sides {
			b.out.note("%s: %s cycles a second (%s to %s), the server's CPU for one %s", s.name, number(s.median(perSecond)),
				number(s.least(perSecond)), number(s.most(perSecond)), short(toDuration(s.median(cpuPerOp))))
		}
		b.out.note("against %s", apache.version)
		(&contest{name: "zk-curator"}).atLeast(b, ours.party, apache.party, 1.5)
		return nil
	})
}

// cycles runs the JVM once.
func cycles(ctx context.Context, classes, address string, warm, span time.Duration) (l load, err error) {
	cmd := exec.CommandContext(ctx, "java", "-cp", classes, "Cycles", address, strconv.Itoa(curatorThreads),
		strconv.FormatInt(warm.Milliseconds(), 10), strconv.FormatInt(span.Milliseconds(), 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return l, err
	}
	_, err = fmt.Sscan(string(out), &l.ops, &l.wall)
	return l, err
}
