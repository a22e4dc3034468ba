package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

const (
	connections = 64
	restOps     = 100_000 // requests to one side in one round
)

// rest measures acquires and releases over HTTP against a handler that does nothing. Both
// servers are processes of their own and get the same requests from the same callers.
func (b *bench) rest(ctx context.Context) (err error) {
	p, err := freePorts()
	if err != nil {
		return err
	}
	empty, err := startProcess(ctx, childConfig{Kind: "empty"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, empty.stop()) }()
	member, err := startProcess(ctx, childConfig{Kind: "member", Dir: filepath.Join(b.dir, "rest"), Ports: p})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, member.stop()) }()

	sessions, err := openSessions(ctx, member.address)
	if err != nil {
		return err
	}
	sides := []*side{
		{series: series{name: "empty gin handler"}, process: empty, profile: "empty"},
		{series: series{name: "Lockkeeper, acquire and release"}, process: member, profile: "member"},
	}
	for _, s := range sides {
		s.callers = make([]*caller, connections)
		for i := range s.callers {
			s.callers[i] = newCaller(s.process.address, fmt.Sprintf("bench/%d", i), sessions[i])
		}
		defer s.close()
		if err := s.measure(ctx, b, b.count(restOps/10, connections)); err != nil { // to warm up
			return err
		}
		s.rounds = nil
	}
	_, before, err := batches(ctx, member.address, [2]float64{})
	if err != nil {
		return err
	}
	for round := range b.rounds {
		for i := range sides {
			if err := sides[(i+round)%2].measure(ctx, b, b.count(restOps, connections)); err != nil {
				return err
			}
		}
		b.say("rest, round %d: empty %s/s, ours %s/s", round+1, number(sides[0].rounds[round].rate()), number(sides[1].rounds[round].rate()))
	}
	perBatch, _, err := batches(ctx, member.address, before)
	if err != nil {
		return err
	}
	b.reportREST(&sides[0].series, &sides[1].series, perBatch)
	return nil
}

// A side is a server, and those who call it.
type side struct {
	series
	process *process
	callers []*caller
	profile string
}

func (s *side) close() {
	for _, c := range s.callers {
		c.close()
	}
}

// measure sends ops requests, half of them acquires and half of them releases.
func (s *side) measure(ctx context.Context, b *bench, ops int) error {
	stop, err := s.process.profile(b.profile, s.profile)
	if err != nil {
		return err
	}
	l, err := drive(ctx, connections, ops, s.process.cpu, func(ctx context.Context, i, _ int) error {
		return s.callers[i].step(ctx)
	})
	s.rounds = append(s.rounds, l)
	return errors.Join(err, stop())
}

// openSessions opens a session for each connection, that lasts longer than the run.
func openSessions(ctx context.Context, address string) ([]string, error) {
	c := newCaller(address, "", "")
	defer c.close()
	ids := make([]string, connections)
	for i := range ids {
		var answer struct {
			Session string `json:"session"`
			ID      string `json:"id"`
		}
		if err := c.post(ctx, "/v1/sessions", []byte(`{"ttl":"1h"}`), &answer); err != nil {
			return nil, err
		}
		if ids[i] = answer.Session; ids[i] == "" {
			ids[i] = answer.ID
		}
	}
	return ids, nil
}

func (b *bench) reportREST(empty, ours *series, perBatch float64) {
	b.out.section(fmt.Sprintf("REST: %d keep-alive connections; a request is an acquire or a release, each connection with a lock and a session of its own; CPU is the server's", connections))
	b.out.sides(empty, ours)
	b.out.note("CPU of the callers' process for a request: %s, %s; requests in a batch: %.1f",
		short(toDuration(empty.median(callPerOp))), short(toDuration(ours.median(callPerOp))), perBatch)
	least, most := ratios(ours, empty, perSecond)
	b.out.note("ratio of the rates in one round: %.2f to %.2f", least, most)
	b.out.judge(goal{
		name: fmt.Sprintf("REST requests, %d connections", connections),
		ours: number(ours.median(perSecond)) + "/s", yardstick: number(empty.median(perSecond)) + "/s by an " + empty.name,
		got: ours.median(perSecond) / empty.median(perSecond), want: 0.6, unit: "×",
	})
}
