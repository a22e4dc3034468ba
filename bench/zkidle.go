package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	idleConns = 15_000
	idleWarm  = 500 // connections that come and go first
)

// zkIdle measures what connections cost that do nothing but say that they live.
func (b *bench) zkIdle(ctx context.Context) (err error) {
	configs, err := memberConfigs("member", b.newDir("idle"), 1)
	if err != nil {
		return err
	}
	configs[0].Doors = true
	m, err := startProcess(ctx, configs[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	address := configs[0].zooKeeper()
	warm, err := zkFleet(ctx, address, idleWarm)
	if err != nil {
		return err
	}
	closeZKConns(warm)
	if err := pause(ctx, zkTimeout+settleTime); err != nil { // their sessions are gone
		return err
	}
	before, err := m.settled()
	if err != nil {
		return err
	}
	n, span := b.count(idleConns, 1), b.span(keepTime)
	list, err := zkFleet(ctx, address, n)
	if err != nil {
		return err
	}
	defer closeZKConns(list)
	b.say("zk-idle: %d connections", n)
	used, start := m.cpu(), time.Now()
	lost := keepAlive(ctx, list, span)
	if err := ctx.Err(); err != nil {
		return err
	}
	busy := float64(m.cpu()-used) / float64(time.Since(start))
	full, err := m.usage()
	if err != nil {
		return err
	}
	after, err := m.settled()
	if err != nil {
		return err
	}
	each := func(u *childUsage) float64 { return float64(u.Resident-before.Resident) / float64(n) / 1024 }
	b.out.section(fmt.Sprintf("zk-idle: %s connections with a session of %s each, which ping, for %s", number(float64(n)), zkTimeout, short(span)))
	b.out.table("  the member's memory\tresident\tof it mapped files\tGo's heap",
		usageRow("without connections, garbage collected", &before), usageRow("with them, as it was at the end", &full), usageRow("with them, garbage collected", &after))
	b.out.note("the member's CPU: %.2f%% of a core; for each connection, garbage collected: %.2f KiB", 100*busy, each(&after))
	b.out.judge(goal{
		name: "zk-idle: memory of a connection", ours: mib(full.Resident), yardstick: mib(before.Resident) + " without",
		got: each(&full), want: 24, atMost: true, unit: " KiB",
	})
	b.out.judge(goal{
		name: "zk-idle: sessions lost", ours: fmt.Sprint(lost), yardstick: number(float64(n)) + " connections",
		got: float64(lost), want: 0, atMost: true,
	})
	return nil
}

// keepAlive has every connection ping for a while, and returns how many were cut.
func keepAlive(ctx context.Context, list []*zkConn, span time.Duration) int {
	const pings = zkTimeout / 3
	var lost atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(span)
	for i, c := range list {
		wg.Go(func() {
			// Not all at once.
			wait := time.Duration(i) * pings / time.Duration(len(list))
			for time.Until(end) > 0 && pause(ctx, min(wait, max(0, time.Until(end)))) == nil {
				wait = pings
				_ = c.conn.SetDeadline(time.Now().Add(zkTimeout))
				_, err := c.conn.Write(c.ping)
				if err == nil {
					_, err = c.frame()
				}
				if err != nil {
					lost.Add(1)
					return
				}
			}
		})
	}
	wg.Wait()
	return int(lost.Load())
}
