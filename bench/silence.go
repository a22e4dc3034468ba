package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	silentSessions = 20_000
	silentStreams  = 20
	silentLate     = 3 * time.Second        // after the TTL, at most
	silentLook     = 100 * time.Millisecond // between two counts
)

// beSleeper opens sessions and keeps them alive until somebody ends it.
func beSleeper(ctx context.Context, cfg childConfig, ready func(string)) error {
	f, _, err := openFleet(ctx, cfg.Endpoint, cfg.Streams, cfg.Sessions)
	if err != nil {
		return err
	}
	ready(cfg.Endpoint)
	<-ctx.Done()
	return f.close()
}

// silence kills a process with very many sessions, and sees when the member has closed them.
func (b *bench) silence(ctx context.Context, m *process) error {
	n := b.count(silentSessions, silentStreams)
	sleeper, err := startProcess(ctx, childConfig{Kind: "sleeper", Endpoint: m.address, Streams: silentStreams, Sessions: n})
	if err != nil {
		return err
	}
	if err := pause(ctx, sessionTTL/2); err != nil { // touched since they were opened
		return errors.Join(err, sleeper.stop())
	}
	if err := errors.Join(expect(ctx, m.address, n), sleeper.kill()); err != nil {
		return err
	}
	killed := time.Now()
	used := m.cpu()
	first, last, left, err := emptied(ctx, m.address, n, killed)
	if err != nil {
		return err
	}
	b.out.section(fmt.Sprintf("sessions: %s on %d streams, TTL %s, whose process is killed", number(float64(n)), silentStreams, sessionTTL))
	b.out.note("the first were closed %s after that, the last %s; looked at every %s", short(first), short(last), silentLook)
	b.out.note("the member's CPU from then on: %s", short(m.cpu()-used))
	if left > 0 {
		b.out.note("%d were never closed", left)
	}
	b.out.judge(goal{
		name: "all silent sessions closed", ours: short(last), yardstick: sessionTTL.String() + ", the TTL",
		got: (last - sessionTTL).Seconds(), want: silentLate.Seconds(), atMost: true, unit: " s after it",
	})
	return nil
}

// emptied watches a member's n sessions end, and returns when the first and the last of them were
// gone. It gives up after twice the TTL; left are those that were still there.
func emptied(ctx context.Context, address string, n int, since time.Time) (first, last time.Duration, left int, err error) {
	tick := time.NewTicker(silentLook)
	defer tick.Stop()
	for {
		if left, err = alive(ctx, address); err != nil {
			return 0, 0, 0, err
		}
		last = time.Since(since)
		if left < n && first == 0 {
			first = last
		}
		if left == 0 || last > 2*sessionTTL {
			return first, last, left, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, 0, 0, context.Cause(ctx)
		}
	}
}
