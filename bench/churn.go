package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	churnAlive   = 10_000
	churnRate    = 5_000 // sessions opened, and closed, a second
	churnTime    = time.Minute
	churnWorkers = 1_000 // the rate holds while a session is opened and closed within a fifth of a second
	churnShare   = 0.99  // of the rate: the last ones end after the time
)

// churn opens and closes sessions at a steady rate while many are alive. Each has its time to
// begin, and its latency counts from then: a slow member does not get fewer of them.
func (b *bench) churn(ctx context.Context, m *process) (err error) {
	f, _, err := openFleet(ctx, m.address, keepStreams, b.count(churnAlive, keepStreams))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	ops := b.count(int(churnRate*churnTime.Seconds()), churnWorkers)
	opening, closing := make([]time.Duration, ops), make([]time.Duration, ops)
	start := time.Now()
	l, err := drive(ctx, churnWorkers, ops, m.cpu, func(ctx context.Context, worker, i int) error {
		turn := i*churnWorkers + worker
		due := start.Add(time.Duration(turn) * time.Second / churnRate)
		if err := pause(ctx, time.Until(due)); err != nil {
			return err
		}
		s, err := f.clients[worker%len(f.clients)].OpenSession(ctx)
		if err != nil {
			return err
		}
		opened := time.Now()
		opening[turn] = opened.Sub(due)
		err = s.Close(ctx)
		closing[turn] = time.Since(opened)
		return err
	})
	if err != nil {
		return err
	}
	lost, first := f.lost()
	if first != nil {
		b.say("sessions: %d of those alive lost, the first because: %v", lost, first)
	}
	if err := expect(ctx, m.address, len(f.sessions)-lost); err != nil {
		return err
	}
	b.reportChurn(&l, len(f.sessions), lost, histogram(opening), histogram(closing))
	return nil
}

// histogram is that of some latencies.
func histogram(list []time.Duration) *load {
	l := &load{latency: newHistogram()}
	for _, d := range list {
		_ = l.latency.RecordValue(int64(d)) // above a minute: nobody would wait to see it
	}
	return l
}

func (b *bench) reportChurn(l *load, others, lost int, opening, closing *load) {
	b.out.section(fmt.Sprintf("sessions: %s alive, and others opened and closed again, %s of them in a second, for %s",
		number(float64(others)), number(churnRate), short(l.wall)))
	b.out.table("  \tp50\tp99\tp99.9\tmost", latencies("opened, from the time it was due", opening), latencies("closed", closing))
	b.out.note("the member's CPU: %s for each that came and went, %.0f%% of a core", short(l.cpuEach()), 100*l.cpu.Seconds()/l.wall.Seconds())
	b.out.judge(goal{
		name: "sessions opened and closed a second", ours: number(l.rate()) + "/s", yardstick: number(churnRate) + "/s wanted of it",
		got: l.rate() / churnRate, want: churnShare, unit: "×",
	})
	b.out.judge(goal{
		name: "sessions lost meanwhile", ours: fmt.Sprint(lost), yardstick: number(float64(others)) + " kept alive",
		got: float64(lost), want: 0, atMost: true,
	})
}

func latencies(name string, l *load) string {
	return fmt.Sprintf("  %s\t%s\t%s\t%s\t%s", name, short(l.percentile(50)), short(l.percentile(99)), short(l.percentile(99.9)), short(l.percentile(100)))
}
