package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

const (
	fanWatches = 10_000
	fanPath    = "/fan"
)

// zkFan measures how long it takes until very many clients have heard of one change.
func (b *bench) zkFan(ctx context.Context) error {
	n := b.count(fanWatches, 1)
	return b.zkSides(ctx, 1, func(ours, apache *zkSide) error {
		for round := range b.rounds {
			sides := []*zkSide{apache, ours}
			for i := range sides {
				s := sides[(i+round)%len(sides)]
				l, err := fan(ctx, s, n)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				s.rounds = append(s.rounds, l)
				b.say("zk-fan, round %d: %s %s", round+1, s.name, short(l.wall))
			}
		}
		b.out.section(fmt.Sprintf("zk-fan: %s sessions with a one-shot watch each on one node, which is set; the time from the request to the last event", number(float64(n))))
		for _, s := range []*zkSide{apache, ours} {
			b.out.note("%s: %s (%s to %s), of the server's CPU %s", s.name, short(toDuration(s.median(wall))),
				short(toDuration(s.least(wall))), short(toDuration(s.most(wall))), short(toDuration(s.median(cpuOf1))))
		}
		b.out.note("against %s", apache.version)
		took, yardstick := ours.median(wall), apache.median(wall)
		b.out.judge(goal{
			name: "zk-fan: time to the last event", ours: short(toDuration(took)), yardstick: short(toDuration(yardstick)) + " by " + apache.name,
			got: took / yardstick, want: 2, atMost: true, unit: "×",
		})
		return nil
	})
}

func wall(l *load) float64   { return float64(l.wall) }
func cpuOf1(l *load) float64 { return float64(l.cpu) }

// fan opens the sessions, sets their watches, and changes the node once.
func fan(ctx context.Context, s *zkSide, n int) (l load, err error) {
	list, err := zkFleet(ctx, s.addresses[0], n)
	if err != nil {
		return l, err
	}
	defer closeZKConns(list)
	create := jute.Request{Xid: 1, Operation: jute.Operation{Op: jute.OpCreate, Path: fanPath, ACL: znode.OpenACL}}
	if r, err := list[0].ask(create); err != nil && r.Code != znode.ErrNodeExists {
		return l, err
	}
	for _, c := range list {
		if _, err := c.ask(jute.Request{Xid: 2, Operation: jute.Operation{Op: jute.OpGetData, Path: fanPath, Watch: true}}); err != nil {
			return l, err
		}
	}
	writer, err := openZKConn(ctx, s.addresses[0])
	if err != nil {
		return l, err
	}
	defer writer.conn.Close()
	if err := pause(ctx, settleTime); err != nil {
		return l, err
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i, c := range list {
		wg.Go(func() {
			_ = c.conn.SetReadDeadline(time.Now().Add(startTime))
			frame, err := c.frame()
			var r jute.Reply
			if err == nil {
				_, err = r.DecodeHeader(frame)
			}
			if err == nil && r.Xid != jute.XidEvent {
				err = fmt.Errorf("an answer to request %d where an event should be", r.Xid)
			}
			errs[i] = err
		})
	}
	used, start := s.cpu(), time.Now()
	if _, err := writer.ask(jute.Request{Xid: 1, Operation: jute.Operation{Op: jute.OpSetData, Path: fanPath, Version: -1}}); err != nil {
		return l, err
	}
	wg.Wait()
	l.ops, l.wall, l.cpu = n, time.Since(start), s.cpu()-used
	return l, errors.Join(errs...)
}
