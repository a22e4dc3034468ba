package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sidecarLocks  = 10
	sidecarTime   = 30 * time.Second // of each round
	sidecarMemory = 20               // MiB
	sidecarCPU    = 1                // per cent of a core
)

// sidecar measures what a sidecar costs that holds ten locks and leads an election, while nothing
// happens.
func (b *bench) sidecar(ctx context.Context) (err error) {
	if err := b.build(ctx); err != nil {
		return err
	}
	configs, err := memberConfigs("member", b.newDir("sidecar"), 1)
	if err != nil {
		return err
	}
	m, address, err := startMember(ctx, b.binary, configs[0])
	if m != nil {
		defer func() { err = errors.Join(err, m.stop()) }()
	}
	if err != nil {
		return err
	}
	args := []string{"sidecar", "--log-level", "error", "--endpoints", address, "--listen", "127.0.0.1:0", "--app-pid", strconv.Itoa(os.Getpid()), "--elect", "bench/leader"}
	for i := range sidecarLocks {
		args = append(args, "--lock", fmt.Sprintf("bench/%d", i))
	}
	s, err := startProgram(ctx, b.newDir("sidecar"), b.binary, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := gained(ctx, s, address); err != nil {
		return err
	}
	if err := pause(ctx, b.span(2*sidecarTime)); err != nil { // until what its start needed is given back
		return err
	}
	var resident, anonymous, cpu []float64
	for round := range b.rounds {
		used, start := s.cpu(), time.Now()
		if err := pause(ctx, b.span(sidecarTime)); err != nil {
			return err
		}
		cpu = append(cpu, 100*float64(s.cpu()-used)/float64(time.Since(start)))
		all, own, err := memoryOf(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		resident, anonymous = append(resident, all), append(anonymous, own)
		b.say("sidecar, round %d: %.1f MiB resident, %.1f of it anonymous, %.2f%% of a core", round+1, all, own, cpu[round])
	}
	b.out.section(fmt.Sprintf("sidecar: one that holds %d locks and leads an election for an application, %s a round", sidecarLocks, short(b.span(sidecarTime))))
	b.out.note("resident %.1f MiB, of it %.1f anonymous, the rest the program's file; %.2f%% of a core", middle(resident), middle(anonymous), middle(cpu))
	b.out.judge(goal{
		name: "sidecar: memory", ours: fmt.Sprintf("%.1f MiB, %.1f anonymous", middle(resident), middle(anonymous)), got: middle(resident), want: sidecarMemory, atMost: true, unit: " MiB",
	})
	b.out.judge(goal{
		name: "sidecar: CPU", ours: fmt.Sprintf("%.2f%% of a core", middle(cpu)), got: middle(cpu), want: sidecarCPU, atMost: true, unit: "%",
	})
	return nil
}

// gained waits until a sidecar holds all that it is to hold, as a member tells.
func gained(ctx context.Context, s *program, address string) error {
	line, err := s.line()
	if err != nil {
		return err
	}
	if !strings.Contains(line, "lockkeeper sidecar ready") {
		return fmt.Errorf("lockkeeper says %q", line)
	}
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	names := []string{"bench/leader"}
	for i := range sidecarLocks {
		names = append(names, fmt.Sprintf("bench/%d", i))
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for _, name := range names {
		for {
			q, err := c.Queue(ctx, name)
			if err != nil {
				return errors.Join(err, hangUp(c))
			}
			if len(q.Contenders) > 0 {
				break
			}
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return errors.Join(err, hangUp(c))
			}
		}
	}
	return hangUp(c)
}

// middle is the median.
func middle(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// memoryOf is how many MiB of a process are in memory, and how many of them are of no file.
func memoryOf(pid int) (all, anonymous float64, err error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			all = kib / 1024
		case "RssAnon:":
			anonymous = kib / 1024
		}
	}
	if all == 0 {
		return 0, 0, fmt.Errorf("process %d has no memory", pid)
	}
	return all, anonymous, nil
}
