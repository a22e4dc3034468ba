package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	contestTime = 5 * time.Second // of one party in one round
	warmTime    = time.Second
	settleTime  = time.Second // between two parties: what one leaves to do is not the next one's
)

// A contest is the same work for several parties.
type contest struct {
	name    string // for progress and profiles
	title   string // of its part of the report
	workers int
	hot     bool // one lock for all, instead of one for each
	what    timing
	span    time.Duration
	counts  string // what is counted; empty: hand-overs of a hot lock, cycles of others
}

// names are those of the workers' locks.
func (c *contest) names() []string {
	list := make([]string, c.workers)
	for i := range list {
		if list[i] = "bench/hot"; !c.hot {
			list[i] = fmt.Sprintf("bench/own/%d", i)
		}
	}
	return list
}

// run measures the parties in turn, so often as there are rounds, and changes who begins. What it
// finds is added to their series.
func (c *contest) run(ctx context.Context, b *bench, parties ...*party) error {
	ctx, cancel := context.WithCancel(ctx) // ends what workers keep alive
	defer cancel()
	mutexes := make([][]mutex, len(parties))
	for i, p := range parties {
		var err error
		if mutexes[i], err = p.mutexes(ctx, c.names()); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if _, err := c.measure(ctx, b, p, mutexes[i], warmTime); err != nil {
			return err
		}
		p.rounds = nil
	}
	for round := range b.rounds {
		var rates []string
		for i := range parties {
			turn := (i + round) % len(parties)
			l, err := c.measure(ctx, b, parties[turn], mutexes[turn], c.span)
			if err != nil {
				return err
			}
			parties[turn].rounds = append(parties[turn].rounds, l)
			rates = append(rates, fmt.Sprintf("%s %s/s", parties[turn].name, number(l.rate())))
		}
		b.say("%s, round %d: %s", c.name, round+1, strings.Join(rates, ", "))
	}
	return nil
}

// measure lets one party work for a while.
func (c *contest) measure(ctx context.Context, b *bench, p *party, mutexes []mutex, span time.Duration) (load, error) {
	runtime.GC() // what the other parties' clients have left
	if err := pause(ctx, settleTime); err != nil {
		return load{}, err
	}
	stop, err := p.profile(b, c.name)
	if err != nil {
		return load{}, err
	}
	l, err := contend(ctx, mutexes, b.span(span), p.cpu, c.what, c.hot)
	if err = errors.Join(err, stop()); err != nil {
		err = fmt.Errorf("%s: %w", p.name, err)
	}
	return l, err
}

// report adds the contest's part of the report, but for its goals.
func (c *contest) report(b *bench, parties ...*party) {
	b.out.section(c.title)
	var list []*series
	var callers, versions []string
	for _, p := range parties {
		if p.version != "" && !slices.Contains(versions, p.version) {
			versions = append(versions, p.version)
		}
		list = append(list, &p.series)
		callers = append(callers, short(toDuration(p.median(callPerOp))))
	}
	b.out.sides(list...)
	b.out.note("CPU is that of the servers' processes; of the workers' process, for a cycle: %s", strings.Join(callers, ", "))
	if len(versions) > 0 {
		b.out.note("against %s", strings.Join(versions, "; "))
	}
}

// atLeast judges our rate against another party's.
func (c *contest) atLeast(b *bench, ours, other *party, want float64) {
	least, most := ratios(&ours.series, &other.series, perSecond)
	b.out.note("ratio of our rate to that of %s in one round: %.2f to %.2f", other.name, least, most)
	got, yardstick := ours.median(perSecond), other.median(perSecond)
	b.out.judge(goal{
		name: c.name + c.unit(), ours: number(got) + "/s", yardstick: number(yardstick) + "/s by " + other.name,
		got: got / yardstick, want: want, unit: "×",
	})
}

// atMost judges the time of our cycle against that of another's.
func (c *contest) atMost(b *bench, ours, other *party, want float64) {
	least, most := ratios(&ours.series, &other.series, perOp)
	b.out.note("ratio of the times in one round: %.2f to %.2f", least, most)
	took, yardstick := ours.median(perOp), other.median(perOp)
	b.out.judge(goal{
		name: c.name + ": time of a cycle", ours: short(toDuration(took)), yardstick: short(toDuration(yardstick)) + " by " + other.name,
		got: took / yardstick, want: want, atMost: true, unit: "×",
	})
}

// unit is what counts.
func (c *contest) unit() string {
	switch {
	case c.counts != "":
		return ": " + c.counts
	case c.hot:
		return ": hand-overs"
	}
	return ": cycles"
}

// profile begins profiles of this process and of the party's servers, where those were asked for
// and the servers can. stop ends them.
func (p *party) profile(b *bench, name string) (stop func() error, err error) {
	if b.profile == "" {
		return func() error { return nil }, nil
	}
	name = strings.ReplaceAll(name+"-"+p.name, " ", "-")
	own, err := b.startProfile(name)
	if err != nil {
		return nil, err
	}
	stops := []func() error{own}
	for i, s := range p.servers {
		child, ok := s.(*process)
		if !ok {
			continue
		}
		stop, err := child.profile(b.profile, filepath.Base(fmt.Sprintf("%s-server%d", name, i+1)))
		if err != nil {
			return nil, err
		}
		stops = append(stops, stop)
	}
	return func() error {
		var errs []error
		for _, stop := range stops {
			errs = append(errs, stop())
		}
		return errors.Join(errs...)
	}, nil
}

// span scales a time.
func (b *bench) span(d time.Duration) time.Duration { return time.Duration(float64(d) * b.scale) }

// pause waits for d, or for ctx's end.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
