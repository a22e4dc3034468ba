package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	keepStreams  = 100
	keepSessions = 100_000
	keepTime     = 5 * time.Minute
	keepLook     = 10 * time.Second // between two looks for losses
	idleTime     = 30 * time.Second // how long the member is watched doing nothing
)

// sessions measures what sessions cost: very many that are kept alive, many that come and go, and
// many that fall silent.
func (b *bench) sessions(ctx context.Context) error {
	for _, part := range []func(context.Context, *process) error{b.keep, b.churn, b.silence} {
		if err := b.withMember(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// withMember starts a fresh member for as long as f takes: a child, since only that can be told
// to collect its garbage.
func (b *bench) withMember(ctx context.Context, f func(context.Context, *process) error) (err error) {
	configs, err := memberConfigs("member", b.newDir("sessions"), 1)
	if err != nil {
		return err
	}
	m, err := startProcess(ctx, configs[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	return f(ctx, m)
}

// kept is what keep has found.
type kept struct {
	sessions      int
	opening       load
	before, after childUsage // garbage collected, without the sessions and with them
	full          childUsage // with them, as the member was before that
	idle, busy    float64    // share of a core
	span          time.Duration
	lost          int
}

// keep keeps very many sessions alive and does nothing else.
func (b *bench) keep(ctx context.Context, m *process) (err error) {
	k := &kept{sessions: b.count(keepSessions, keepStreams), span: b.span(keepTime)}
	if err := warmSessions(ctx, m); err != nil {
		return err
	}
	if k.before, err = m.settled(); err != nil {
		return err
	}
	if k.idle, err = b.watch(ctx, m, b.span(idleTime), nil); err != nil {
		return err
	}
	f, opening, err := openFleet(ctx, m.address, keepStreams, k.sessions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	k.opening = opening
	b.say("sessions: %d opened, %s/s", k.sessions, number(opening.rate()))
	k.busy, err = b.watch(ctx, m, k.span, func() error {
		var first error
		if k.lost, first = f.lost(); first != nil {
			b.say("sessions: %d lost, the first because: %v", k.lost, first)
		}
		return expect(ctx, m.address, k.sessions-k.lost)
	})
	if err != nil {
		return err
	}
	if k.full, err = m.usage(); err != nil {
		return err
	}
	if k.after, err = m.settled(); err != nil {
		return err
	}
	b.reportKept(k)
	return nil
}

// warmSessions opens and closes some, so that the member has run all its code.
func warmSessions(ctx context.Context, m *process) error {
	f, _, err := openFleet(ctx, m.address, 4, 4*fleetOpening*32)
	if err != nil {
		return err
	}
	return errors.Join(f.close(), expect(ctx, m.address, 0))
}

// watch waits for span, has look look around meanwhile, and returns which share of a core the
// process has used.
func (b *bench) watch(ctx context.Context, p *process, span time.Duration, look func() error) (share float64, err error) {
	used, start := p.cpu(), time.Now()
	for end := start.Add(span); time.Until(end) > 0; {
		if err := pause(ctx, min(keepLook, time.Until(end))); err != nil {
			return 0, err
		}
		if look != nil {
			if err := look(); err != nil {
				return 0, err
			}
		}
	}
	return float64(p.cpu()-used) / float64(time.Since(start)), nil
}

func (b *bench) reportKept(k *kept) {
	each := func(bytes int64) float64 { return float64(bytes) / float64(k.sessions) }
	b.out.section(fmt.Sprintf("sessions: %s on %d streams, TTL %s, kept alive for %s", number(float64(k.sessions)), keepStreams, sessionTTL, short(k.span)))
	b.out.note("opened at %s/s, p99 %s", number(k.opening.rate()), short(k.opening.percentile(99)))
	b.out.table("  the member's memory\tresident\tof it mapped files\tGo's heap",
		usageRow("without sessions, garbage collected", &k.before), usageRow("with them, as it was at the end", &k.full), usageRow("with them, garbage collected", &k.after))
	b.out.note("for each session, garbage collected: %.0f bytes resident, %.0f of them not a file's, %.0f of heap; as it was at the end, %.0f bytes resident",
		each(k.after.Resident-k.before.Resident), each((k.after.Resident-k.after.Mapped)-(k.before.Resident-k.before.Mapped)),
		each(k.after.Heap-k.before.Heap), each(k.full.Resident-k.before.Resident))
	b.out.note("the member's CPU: %.2f%% of a core without sessions, %.2f%% with them", 100*k.idle, 100*k.busy)
	b.out.judge(goal{
		name: "sessions lost", ours: fmt.Sprint(k.lost), yardstick: number(float64(k.sessions)) + " kept alive",
		got: float64(k.lost), want: 0, atMost: true,
	})
	b.out.judge(goal{
		name: "memory of a session", ours: mib(k.after.Resident), yardstick: mib(k.before.Resident) + " without sessions",
		got: each(k.after.Resident-k.before.Resident) / 1024, want: 1.5, atMost: true, unit: " KiB",
	})
	b.out.judge(goal{
		name: "CPU of keeping them alive", ours: fmt.Sprintf("%.2f%%", 100*k.busy), yardstick: fmt.Sprintf("%.2f%% without sessions", 100*k.idle),
		got: 100 * (k.busy - k.idle), want: 15, atMost: true, unit: "% of a core",
	})
}

func usageRow(name string, u *childUsage) string {
	return fmt.Sprintf("  %s\t%s\t%s\t%s", name, mib(u.Resident), mib(u.Mapped), mib(u.Heap))
}
