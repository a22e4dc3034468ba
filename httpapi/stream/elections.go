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
	r, err := s.lockRequest(j)
	if err != nil {
		return err
	}
	f := &j.request
	if f.WaitMS < -1 {
		return badInput("wait_ms", "is below -1", "give -1 to wait without limit")
	}
	if err := s.value(f.Value); err != nil {
		return err
	}
	r.Candidacy = &lock.Candidacy{Value: f.Value, Priority: f.Priority}
	if f.WaitMS != 0 {
		r.Begins = func(ticket string) { s.waiting(j, ticket) }
	}
	h, err := e.Campaign(j, r, millis(f.WaitMS))
	if err != nil {
		return err
	}
	holdFields(&j.answer, &h)
	return nil
}

func (s *stream) value(value string) error {
	return within("value", len(value), s.door.limits.MaxMetadataBytes)
}

func (s *stream) candidates(j *job) error {
	e, err := s.elections()
	if err != nil {
		return err
	}
	f := &j.request
	if err := s.name(f.Name); err != nil {
		return err
	}
	limit, fresh, done, err := s.largeAnswer(j)
	if err != nil {
		return err
	}
	defer done()
	q, err := e.Candidates(j, f.Name, limit, fresh)
	if err != nil {
		return err
	}
	a := &j.answer
	a.Name, a.Total, a.Revision = q.Name, int64(q.Total), q.Revision
	a.Contenders = s.contenders(q.Contenders)
	return nil
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
	d, err := e.Proclaim(j, election.Proclamation{
		Name: f.Name, Session: lease.ID(f.Session), Generation: generation, Token: lock.Token(f.Token), Value: f.Value,
	})
	if err != nil {
		return err
	}
	doneFields(&j.answer, &d)
	return nil
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
	d, err := e.HandOver(j, election.HandOver{
		Name: f.Name, Session: lease.ID(f.Session), Generation: generation,
		Token: lock.Token(f.Token), Candidate: lock.Token(f.Candidate),
	})
	if err != nil {
		return err
	}
	doneFields(&j.answer, &d)
	return nil
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

// An observation is one OBSERVE that goes on. Each second or so it says again what is known, so that
// its client can tell a name without a leader from a member that is out of reach.
type observation struct {
	subscription
	from *election.Observer
}

// How often an observation says what is known, and after how much silence its client must take it
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
	o := &observation{from: from}
	o.id = f.ID
	o.ctx, o.end = context.WithCancelCause(context.Background())
	answer := wire.Frame{Kind: wire.OK, ID: o.id, TTLMS: observeSilence.Milliseconds(), Revision: s.door.cfg.Revision()}
	if !s.beginSubscription(&o.subscription, &answer, func() { s.followLeader(o) }) {
		o.end(errSubs)
		from.Close()
		return errSubs
	}
	return errAnswered
}

// followLeader sends what is known until the observation ends.
func (s *stream) followLeader(o *observation) {
	defer o.from.Close()
	defer o.end(nil)
	for {
		now, err := s.nextLeader(o)
		var f wire.Frame
		if err != nil {
			s.subscriptionEnds(&f, &o.subscription, err)
		} else {
			leadershipFrame(&f, o.id, &now)
		}
		if !s.tellSubscriber(&o.subscription, &f, err) {
			return
		}
	}
}

// nextLeader waits until the client has read enough, and then for news, or for the time to say again
// what is known.
func (s *stream) nextLeader(o *observation) (election.Observation, error) {
	if err := s.awaitRoom(o.ctx); err != nil {
		return election.Observation{}, err
	}
	beat, cancel := context.WithTimeout(o.ctx, observeEvery)
	defer cancel()
	now, err := o.from.Next(beat)
	if err != nil && o.ctx.Err() == nil && beat.Err() != nil {
		now, _ = o.from.Look()
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
