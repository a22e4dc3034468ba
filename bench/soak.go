package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	soakPairs   = 2_000_000
	soakPrints  = 10 // lines of the table
	soakSamples = 40 // looks at disk and memory
	soakNames   = 10_000
)

// A footprint is what a member takes up after some pairs.
type footprint struct {
	pairs          int
	disk, resident int64
	at             time.Duration
}

// soak has a member serve pairs at full speed, and watches its disk and its memory. Both swing:
// garbage waits for its collector, logs for their end. So the highest values are compared.
func (b *bench) soak(ctx context.Context) (err error) {
	dir := filepath.Join(b.dir, "soak")
	c, err := openCore(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	mine, err := openLeases(ctx, c, growthCallers)
	if err != nil {
		return err
	}
	s := &soaking{dir: dir, total: b.count(soakPairs, growthCallers*soakSamples)}
	l, err := drive(ctx, growthCallers, s.total, ownCPU, func(ctx context.Context, caller, i int) error {
		// Every caller goes round names of its own, so that no two ever meet.
		name := fmt.Sprintf("soak/%d/%s", caller, strconv.Itoa(i%(soakNames/growthCallers)))
		if err := pair(ctx, c, name, mine[caller]); err != nil {
			return err
		}
		return s.count()
	})
	if err != nil {
		return err
	}
	b.reportSoak(s, &l)
	return nil
}

// soaking counts pairs, and takes samples on its way.
type soaking struct {
	dir   string
	total int

	mu      sync.Mutex
	done    int
	begun   time.Time
	samples []footprint
}

// count notes one pair. The one that completes a part looks around, while the others go on.
func (s *soaking) count() error {
	s.mu.Lock()
	if s.done == 0 {
		s.begun = time.Now()
	}
	s.done++
	done, begun := s.done, s.begun
	s.mu.Unlock()
	if done%(s.total/soakSamples) != 0 {
		return nil
	}
	disk, err := diskUse(s.dir)
	if err != nil {
		return err
	}
	f := footprint{pairs: done, disk: disk, resident: resident(), at: time.Since(begun)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(s.samples, f)
	return nil
}

// highest returns the most disk and memory of some samples.
func highest(samples []footprint) (f footprint) {
	for _, s := range samples {
		f.disk, f.resident = max(f.disk, s.disk), max(f.resident, s.resident)
	}
	return f
}

func (b *bench) reportSoak(s *soaking, l *load) {
	b.out.section(fmt.Sprintf("growth: %s pairs by %d callers on %s names, in process: %s pairs/s, %s of CPU each",
		number(float64(s.total)), growthCallers, number(soakNames), number(l.rate()), short(l.cpuEach())))
	var rows []string
	for i, f := range s.samples {
		if (i+1)%(soakSamples/soakPrints) == 0 {
			rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s", number(float64(f.pairs)), short(f.at), mib(f.disk), mib(f.resident)))
		}
	}
	b.out.table("  pairs\tafter\tdisk\tresident", rows...)
	quarter := len(s.samples) / 4
	first, last := highest(s.samples[:quarter]), highest(s.samples[len(s.samples)-quarter:])
	b.out.note("highest of the first quarter, and of the last: disk %s, %s; resident %s, %s", mib(first.disk), mib(last.disk), mib(first.resident), mib(last.resident))
	for _, g := range []struct {
		what        string
		first, last int64
	}{{"disk", first.disk, last.disk}, {"resident memory", first.resident, last.resident}} {
		b.out.judge(goal{
			name: fmt.Sprintf("%s after %s pairs", g.what, number(float64(s.total))), ours: mib(g.last), yardstick: mib(g.first) + " in the first quarter",
			got: float64(g.last) / float64(max(g.first, 1)), want: 1.5, atMost: true, unit: "×",
		})
	}
}
