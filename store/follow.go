package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// applyLoop follows the log and applies it, for as long as the store lives.
func (s *Store) applyLoop(watch *quorum.Watch) {
	defer func() { watch.Close() }()
	var spare []quorum.Revision
	for {
		list, err := watch.NextBatch(s.ctx, spare)
		if err == nil {
			err = s.applyAll(list)
		}
		if s.ctx.Err() != nil {
			return
		}
		if err != nil {
			watch.Close()
			next, err := s.recover(err)
			if err != nil {
				return // only the end of the store keeps it from going on
			}
			watch, spare = next, nil
			continue
		}
		spare = list
	}
}

func (s *Store) applyAll(list []quorum.Revision) error {
	for _, r := range list {
		start := time.Now()
		a, err := s.rep.apply(r, s.self, s.member.incarnation)
		if err != nil {
			return err
		}
		s.Stats.apply.observe(time.Since(start))
		s.mu.Lock()
		now := clock.Boot()
		s.member.applied(a) // confirms no touch: that is the writer's word alone
		s.lead(now)
		s.writer.applied(now, a)
		s.settle(now)
		s.mu.Unlock()
		s.Stats.applied(a)
		s.revisions.reach(a.revision)
	}
	return nil
}

// recover rebuilds the tree after a gap. Nobody may trust what they were told to wait for:
// requests under way are uncertain, and doors cut their connections so that clients come back
// and set their watches again. A writer with a gap gives leadership away, or, alone, takes
// over anew.
func (s *Store) recover(why error) (*quorum.Watch, error) {
	s.log.Warn("the log has a gap, the tree is rebuilt", "err", why)
	s.mu.Lock()
	now := clock.Boot()
	s.member.forget(ErrUncertain)
	s.dropStream()
	if s.writer.leading {
		s.writer.restart()
	}
	leads := s.writer.leading
	s.settle(now)
	s.mu.Unlock()
	if leads {
		if err := s.q.TransferLeadership(s.ctx); err != nil {
			s.log.Debug("leadership stays", "err", err)
		}
	}
	watch, err := s.rebuild(s.ctx)
	for err != nil && s.ctx.Err() == nil {
		s.log.Error("the tree cannot be rebuilt", "err", err)
		if !sleep(s.ctx, connectPause) {
			break
		}
		watch, err = s.rebuild(s.ctx)
	}
	if err != nil {
		return nil, err
	}
	if s.cfg.Gap != nil {
		s.cfg.Gap()
	}
	s.mu.Lock()
	now = clock.Boot()
	s.member.revision = s.rep.position().Revision
	s.lead(now)
	s.writer.tick(now)
	s.settle(now)
	s.mu.Unlock()
	return watch, nil
}

// rebuild loads the tree from the keys at one revision, and follows the log from there.
func (s *Store) rebuild(ctx context.Context) (*quorum.Watch, error) {
	fresh := newReplica(s.rep.wall)
	var err error
	fresh.at.Revision, err = s.q.Range(ctx, record.Prefix, 0, fresh.load)
	if err == nil {
		err = fresh.tree.Finish()
	}
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	watch, err := s.q.Watch(s.ctx, fresh.at.Revision+1)
	if err != nil {
		return nil, fmt.Errorf("follow the log: %w", err)
	}
	s.rep.mu.Lock()
	s.rep.tree, s.rep.at, s.rep.cards = fresh.tree, fresh.at, fresh.cards
	s.rep.watches = znode.NewWatches()
	if s.rep.observer != nil {
		s.rep.observer.Rebuilt(s.rep.tree, s.rep.at.GuardRev) // every batch puts the guard
	}
	s.rep.mu.Unlock()
	s.mu.Lock()
	s.member.revision = fresh.at.Revision
	s.mu.Unlock()
	s.revisions.reach(fresh.at.Revision)
	return watch, nil
}

// load takes one key of a range over all.
func (r *replica) load(key string, value []byte, modRevision int64) error {
	kind, rest, ok := record.ParseKey(key)
	if !ok {
		return nil
	}
	var err error
	switch kind {
	case record.NodeKind:
		var c znode.Content
		if c, err = record.DecodeContent(value); err == nil {
			r.tree.LoadNode(rest, c)
		}
	case record.CountersKind:
		var c znode.Counters
		if c, err = record.DecodeCounters(value); err == nil {
			r.tree.LoadCounters(rest, c)
		}
	case record.SessionKind:
		var c znode.Session
		if c, err = record.DecodeSession(value); err == nil {
			r.tree.LoadSession(c)
		}
	case record.FenceKind:
		var token int64
		if token, err = record.DecodeFence(value); err == nil {
			r.tree.LoadFence(rest, token)
		}
	case record.BatchKind:
	case record.GuardKind:
		if r.at.Guard, err = record.DecodeGuard(value); err == nil {
			r.at.GuardRev = modRevision
			r.tree.LoadZxid(r.at.Guard.Zxid)
		}
	default:
		err = r.applyKey(modRevision, &quorum.Event{Key: key, Value: value})
	}
	if err != nil {
		return errors.Join(fmt.Errorf("key %q", key), err)
	}
	return nil
}
