package stream

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// Elections is what this door needs of elections. Every call ends with its ctx at the latest, and
// keeps nothing of it; all may run concurrently.
type Elections interface {
	Campaign(ctx context.Context, r lock.Request, wait time.Duration) (lock.Hold, error)
	Proclaim(ctx context.Context, p election.Proclamation) (lock.Done, error)
	HandOver(ctx context.Context, h election.HandOver) (lock.Done, error)
	Candidates(ctx context.Context, name string, limit int, fresh lock.Read) (lock.Queue, error)
	Observe(name string) (*election.Observer, error)
	AsksOf(session lease.ID, limit int) []election.Ask
	Follow(f election.Follower)
}

// elections returns what serves elections, or the error where nothing does.
func (s *stream) elections() (Elections, error) {
	if s.door.cfg.Elections == nil {
		return nil, errKind
	}
	return s.door.cfg.Elections, nil
}

func (s *stream) campaign(j *job) error {
	e, err := s.elections()
	if err != nil {
		return err
	}
	r, wait, err := s.acquiring(j)
	if err != nil {
		return err
	}
	f := &j.request
	if err := s.value(f.Value); err != nil {
		return err
	}
	r.Candidacy = &lock.Candidacy{Value: f.Value, Priority: f.Priority}
	return j.holds(e.Campaign(j, r, wait))
}

func (s *stream) value(value string) error {
	return within("value", len(value), s.door.limits.MaxMetadataBytes)
}

func (s *stream) candidates(j *job) error {
	e, err := s.elections()
	if err != nil {
		return err
	}
	return s.answerQueue(j, e.Candidates)
}

func (s *stream) proclaim(j *job) error {
	e, err := s.elections()
	if err != nil {
		return err
	}
	f := &j.request
	generation, err := s.generation(f.Session)
	if err != nil {
		return err
	}
	if err := errors.Join(s.name(f.Name), s.value(f.Value)); err != nil {
		return err
	}
	return j.gives(e.Proclaim(j, election.Proclamation{
		Name: f.Name, Session: lease.ID(f.Session), Generation: generation, Token: lock.Token(f.Token), Value: f.Value,
	}))
}

func (s *stream) handOver(j *job) error {
	e, err := s.elections()
	if err != nil {
		return err
	}
	f := &j.request
	generation, err := s.generation(f.Session)
	if err != nil {
		return err
	}
	if err := s.name(f.Name); err != nil {
		return err
	}
	return j.gives(e.HandOver(j, election.HandOver{
		Name: f.Name, Session: lease.ID(f.Session), Generation: generation,
		Token: lock.Token(f.Token), Candidate: lock.Token(f.Candidate),
	}))
}

var _ election.Follower = (*Door)(nil)

// Asked is part of election.Follower.
func (d *Door) Asked(a election.Ask) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.attached[a.Session]
	if !ok {
		return
	}
	at.stream.mu.Lock()
	defer at.stream.mu.Unlock()
	at.stream.pushAskLocked(&a)
}

func (s *stream) pushAskLocked(a *election.Ask) {
	s.pushFrameLocked(&wire.Frame{
		Kind: wire.Asked, Session: uint64(a.Session), Name: a.Name, Token: int64(a.Token),
		Contenders: []wire.Contender{contenderOf(&a.Candidate)},
	})
}

// tellAsks tells the client of a session that has just been attached what it is asked: it may not
// have heard.
func (s *stream) tellAsks(session lease.ID) {
	if s.door.cfg.Elections == nil {
		return
	}
	asks := s.door.cfg.Elections.AsksOf(session, s.door.limits.PageLimit)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range asks {
		s.pushAskLocked(&asks[i])
	}
}

// An OBSERVE says again each second or so what is known, so that its client can tell a name without a
// leader from a member that is out of reach: how often, and after how much silence its client must take it
// that nothing is.
const (
	observeEvery   = 1500 * time.Millisecond
	observeSilence = 4 * observeEvery
)

func (s *stream) observe(j *job) error {
	e, err := s.elections()
	if err != nil {
		return err
	}
	f := &j.request
	if err := s.name(f.Name); err != nil {
		return err
	}
	from, err := e.Observe(f.Name)
	if err != nil {
		return err
	}
	answer := wire.Frame{Kind: wire.OK, ID: f.ID, TTLMS: observeSilence.Milliseconds(), Revision: s.door.cfg.Revision()}
	return s.beginSubscription(&answer, from, func(sub *subscription) { s.followLeader(sub, from) })
}

// followLeader sends what is known until the observation ends.
func (s *stream) followLeader(sub *subscription, from *election.Observer) {
	for {
		now, err := s.nextLeader(sub, from)
		var f wire.Frame
		if err == nil {
			leadershipFrame(&f, sub.id, &now)
		}
		if !s.tellSubscriber(sub, &f, err) {
			return
		}
	}
}

// nextLeader waits until the client has read enough, and then for news, or for the time to say again
// what is known.
func (s *stream) nextLeader(sub *subscription, from *election.Observer) (election.Observation, error) {
	if err := s.awaitRoom(sub.ctx); err != nil {
		return election.Observation{}, err
	}
	beat, cancel := context.WithTimeout(sub.ctx, observeEvery)
	defer cancel()
	now, err := from.Next(beat)
	if err != nil && sub.ctx.Err() == nil && beat.Err() != nil {
		now, _ = from.Look()
		return now, nil
	}
	return now, err
}

func leadershipFrame(f *wire.Frame, id uint64, now *election.Observation) {
	*f = wire.Frame{Kind: wire.Leadership, ID: id, Name: now.Name, Revision: now.Revision, Known: wire.NotKnown}
	switch now.State {
	case election.None:
		f.Known = wire.NobodyDoes
	case election.Leads:
		f.Known = wire.Leads
		f.Contenders = []wire.Contender{contenderOf(&now.Leader)}
		if now.Asked.Token != 0 {
			f.Contenders = append(f.Contenders, contenderOf(&now.Asked))
		}
	}
}
