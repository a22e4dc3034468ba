package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The engine drives the two state machines: every event is one call under Store.mu, followed
// by settle, which carries out what the machines want done. Nothing here blocks; what takes
// time runs in goroutines of its own and comes back as an event. An event's time is read under
// Store.mu: a round of touches that left with an earlier time would seem older than the request
// it came with, and would not count for those who began to wait in between.

// settle carries actions out, and carries messages between this member and its own writer,
// until there is nothing left to do. Callers are answered in the end: what they will do next
// can wait for the next batch, which is under way by then.
func (s *Store) settle(now time.Duration) {
	if s.settling {
		return // called from within: the outer one goes on
	}
	s.settling = true
	defer func() { s.settling = false }()
	for {
		if s.takeIn() {
			now = clock.Boot() // their touches must not seem older than they are
		}
		actions := s.writer.take()
		s.writer.actions, s.spare = s.spare, nil // what is done about these brings new ones
		for i := range actions {
			s.carryOut(now, &actions[i])
		}
		if !s.sendLocal(now) && len(actions) == 0 {
			s.inbox.setRoom(max(0, s.cfg.MaxInFlight-len(s.member.outstanding)))
			s.inbox.quick.Store(s.idle())
			if !s.inbox.quick.Load() || s.inbox.empty() {
				break
			} // somebody left a request before quick was set, and relies on the engine
		}
		clear(actions)
		s.spare = actions[:0]
	}
	s.answerCallers()
	if s.member.stream != s.local && (s.member.more() || s.urgent) {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// An answer is what a caller of Do waits for.
type answer struct {
	to      chan<- answer // 1 slot, of this one
	outcome znode.Outcome
	err     error
}

// answerCallers hands the answers out that have come since it was last called. Store.mu is held.
func (s *Store) answerCallers() {
	for i := range s.answers {
		s.answers[i].to <- s.answers[i]
	}
	clear(s.answers)
	s.answers = s.answers[:0]
}

// idle reports whether a new request can be looked at now. While the outcome of a batch of this
// member's own writer is in doubt it cannot: the outcome settles, and takes along all that has
// come meanwhile, with one round of touches.
func (s *Store) idle() bool {
	return s.local == 0 || s.member.stream != s.local || s.writer.free()
}

// lead must be called before any other event of the writer.
func (s *Store) lead(now time.Duration) { s.writer.lead(now, s.ctx.Err() == nil && s.q.IsLeader()) }

// sendLocal carries one message from the member to the writer beside it.
func (s *Store) sendLocal(now time.Duration) bool {
	if s.local == 0 || s.member.stream != s.local {
		return false
	}
	f, ok := s.member.forward(now, s.roundDue(now), s.cfg.MaxInFlight)
	if !ok {
		return false
	}
	s.roundSent(now, &f)
	s.lead(now)
	s.writer.receive(now, s.local, &f)
	return true
}

func (s *Store) roundDue(now time.Duration) bool {
	return s.urgent || now-s.lastRound >= s.cfg.TouchRound
}

func (s *Store) roundSent(now time.Duration, f *record.Forward) {
	if f.Touch.Round != 0 {
		s.urgent, s.lastRound = false, now
	}
}

func (s *Store) carryOut(now time.Duration, a *action) {
	switch a.kind {
	case actPropose:
		s.propose(a)
	case actAbandon:
		if cancel := s.flights[a.flight]; cancel != nil {
			cancel()
		}
	case actReadIndex:
		s.readIndex(a.read)
	case actSend:
		if a.stream == s.local {
			s.hear(now, a.stream, &a.message)
		} else if l := s.links[a.stream]; l != nil {
			l.push(a.message)
		}
	case actEnd:
		if a.stream == s.local {
			s.endLocal()
		} else if l := s.links[a.stream]; l != nil {
			l.cancel()
		}
	case actServing:
		s.Stats.takeovers.Add(1)
		s.log.Info("writer serves", "epoch", a.epoch)
	}
}

// hear takes a message of the writer.
func (s *Store) hear(now time.Duration, id streamID, m *record.Message) {
	switch m.Kind {
	case record.WelcomeKind:
		s.member.welcome(id, m.Welcome)
		s.log.Debug("forwarding stream opened", "epoch", m.Welcome.Epoch, "revision", m.Welcome.Revision)
	case record.ConfirmKind:
		list := s.member.confirm(id, m.Confirm)
		if s.cfg.Confirmed != nil {
			for _, c := range list {
				s.cfg.Confirmed(c.session, c.sent)
			}
		}
	}
}

// A proposal is a transaction on its way into the log.
type proposal struct {
	flight uint64
	txn    quorum.Txn
	ctx    context.Context // done once nobody waits for the outcome
	cancel context.CancelFunc
}

// propose puts a transaction into the log, in a goroutine that has done so before if one is idle:
// a fresh one would first have to grow its stack to the depth of etcd.
func (s *Store) propose(a *action) {
	p := proposal{flight: a.flight, txn: a.txn}
	p.ctx, p.cancel = context.WithCancel(s.ctx)
	s.flights[p.flight] = p.cancel
	s.Stats.batches.Add(1)
	s.Stats.batched.Add(uint64(a.size))
	select {
	case s.proposals <- p:
	default:
		s.wg.Go(func() { s.proposer(p) })
	}
}

// proposer carries proposals out, one after the other, for as long as the store lives.
func (s *Store) proposer(p proposal) {
	for {
		s.carry(&p)
		select {
		case p = <-s.proposals:
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Store) carry(p *proposal) {
	defer p.cancel()
	start := time.Now() // for the metrics this clock does, and it costs a tenth
	r, err := s.q.Txn(p.ctx, p.txn)
	s.Stats.commit.observe(time.Since(start))
	if err != nil {
		s.log.Debug("batch outcome", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := clock.Boot()
	delete(s.flights, p.flight)
	s.lead(now)
	s.writer.outcome(now, p.flight, proposed{committed: r.Committed, revision: r.Revision, err: err})
	s.settle(now)
}

// readIndexPatience bounds a read index: without a quorum it would hang for seconds.
const readIndexPatience = 2 * time.Second

func (s *Store) readIndex(read uint64) {
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, readIndexPatience)
		defer cancel()
		err := s.q.ReadIndex(ctx)
		revision := s.q.Revision()
		s.mu.Lock()
		defer s.mu.Unlock()
		now := clock.Boot()
		s.lead(now)
		s.writer.readDone(now, read, revision, err)
		s.settle(now)
	})
}

// tickLoop moves on what waits for time or leadership.
func (s *Store) tickLoop() {
	tick := time.NewTicker(min(tickEvery, s.cfg.TouchRound))
	defer tick.Stop()
	disk := time.NewTicker(time.Second)
	defer disk.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			now := clock.Boot()
			s.lead(now)
			s.writer.tick(now)
			if len(s.member.touches.want) > 0 {
				s.urgent = s.urgent || now-s.lastRound >= s.cfg.TouchRound
			}
			s.settle(now)
			s.mu.Unlock()
		case <-disk.C:
			s.checkDisk()
		case <-s.ctx.Done():
			return
		}
	}
}

// checkDisk sets the watermark: above it the writer refuses what would grow the tree.
func (s *Store) checkDisk() {
	free, err := s.q.FreeDisk()
	full := err == nil && free < s.cfg.MinFreeDisk ||
		s.cfg.MaxDatabase > 0 && s.q.SizeInUse() > s.cfg.MaxDatabase
	s.mu.Lock()
	was := s.writer.full
	s.writer.full = full
	s.mu.Unlock()
	s.Stats.full.Store(full)
	if full != was {
		s.log.Warn("disk watermark", "reached", full, "free", free, "in_use", s.q.SizeInUse())
	}
}

// newIncarnation draws a number that no incarnation of this member had before, nor will have.
func newIncarnation() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails, by its documentation
	return binary.LittleEndian.Uint64(b[:])>>1 | 1
}

func newIdentity() record.Identity {
	var id record.Identity
	id.ID = newIncarnation()
	rand.Read(id.Secret[:])
	return id
}

// Identity returns the cluster's id, and the secret that session passwords are derived from.
// Both are zero until the first takeover ever is in this member's tree.
func (s *Store) Identity() record.Identity { return s.rep.position().Identity }

// AwaitIdentity is Identity for those who cannot do without: in a cluster that has just been
// founded it waits for the first takeover. It ends with ctx, and ErrUnavailable, or with the
// store, and ErrClosed.
func (s *Store) AwaitIdentity(ctx context.Context) (record.Identity, error) {
	for {
		if id := s.Identity(); id.ID != 0 {
			return id, nil
		}
		if s.ctx.Err() != nil {
			return record.Identity{}, ErrClosed
		}
		if !sleep(ctx, connectPause) {
			return record.Identity{}, errors.Join(ErrUnavailable, context.Cause(ctx))
		}
	}
}
