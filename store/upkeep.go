package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

const (
	reapBatch = 1000 // reaped by one request at most
	restCheck = 100 * time.Millisecond
	cardTTL   = 10 * time.Second // of a member's card
)

// reapLoop removes, while this member leads, containers that have been empty for a whole
// interval and TTL znodes whose time is over; what is left of a hold, whose lock has rested, soon
// after its time. Each is an ordinary request, judged again by the writer.
func (s *Store) reapLoop() {
	tick := time.NewTicker(s.cfg.ContainerCheck)
	defer tick.Stop()
	rest := time.NewTicker(restCheck)
	defer rest.Stop()
	for {
		which := (*znode.Tree).Reapable
		select {
		case <-tick.C:
		case <-rest.C:
			which = (*znode.Tree).Rested
		case <-s.ctx.Done():
			return
		}
		for s.q.IsLeader() && s.ctx.Err() == nil {
			if n := s.reap(which); n < reapBatch {
				break
			}
		}
	}
}

// reap removes up to reapBatch znodes of which, and returns how many it tried.
func (s *Store) reap(which func(t *znode.Tree, now int64, limit int) []string) int {
	now := time.Now().UnixMilli()
	var paths []string
	s.View(func(t *znode.Tree, _ int64) { paths = which(t, now, reapBatch) })
	done := make(chan struct{}, len(paths))
	started := 0
	for _, p := range paths {
		r := &znode.Request{Ops: []znode.Op{{Kind: znode.OpReap, Path: p, Version: -1}}}
		if s.Start(r, func(znode.Outcome, error) { done <- struct{}{} }) == nil {
			started++
		}
	}
	for range started {
		select {
		case <-done:
		case <-s.ctx.Done():
			return 0
		}
	}
	return started
}

// cardLoop keeps this member's card in the quorum: who is here, and where its doors are.
func (s *Store) cardLoop() {
	value := record.AppendCard(nil, s.cfg.Card)
	for s.ctx.Err() == nil {
		if err := s.q.KeepCard(s.ctx, record.CardKey(s.self), value, cardTTL); err != nil && s.ctx.Err() == nil {
			s.log.Debug("card", "err", err)
		}
		sleep(s.ctx, time.Second)
	}
}

// Cards returns the cards of the members that are here, by member id.
func (s *Store) Cards() map[uint64]record.Card {
	s.rep.mu.RLock()
	defer s.rep.mu.RUnlock()
	cards := make(map[uint64]record.Card, len(s.rep.cards))
	for k, c := range s.rep.cards {
		if id, err := record.ParseID(k); err == nil {
			cards[id] = c
		}
	}
	return cards
}
