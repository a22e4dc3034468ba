package stream

import (
	"errors"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// barriers returns what serves requests about barriers, once their name is checked.
func (s *stream) barriers(j *job) (Barriers, error) {
	if s.door.cfg.Barriers == nil {
		return nil, errKind
	}
	if _, err := waitOf(&j.request); err != nil {
		return nil, err
	}
	return s.door.cfg.Barriers, within("name", len(j.request.Name), s.door.limits.MaxNameBytes)
}

func (s *stream) setBarrier(j *job) error {
	b, err := s.barriers(j)
	if err = errors.Join(err, s.short("owner", j.request.Owner)); err != nil {
		return err
	}
	state, err := b.Set(j, j.request.Name, j.request.Owner, "stream")
	if err != nil {
		return err
	}
	barrierFields(&j.answer, &state)
	return nil
}

func (s *stream) removeBarrier(j *job) error {
	b, err := s.barriers(j)
	if err != nil {
		return err
	}
	state, err := b.Remove(j, j.request.Name)
	if err != nil {
		return err
	}
	barrierFields(&j.answer, &state)
	return nil
}

func (s *stream) awaitBarrier(j *job) error {
	b, err := s.barriers(j)
	if err != nil {
		return err
	}
	state, err := b.Wait(j, j.request.Name, millis(j.request.WaitMS), func() { s.waitsAlone(j) })
	if err != nil {
		return err
	}
	barrierFields(&j.answer, &state)
	return nil
}

func barrierFields(f *wire.Frame, s *barrier.State) {
	f.Name, f.Closed, f.Owner, f.SinceMS = s.Name, s.Closed, s.Owner, unixMillis(s.Since)
	f.Revision, f.RepeatedRequest = s.Revision, s.Repeated
}

func (s *stream) enterBarrier(j *job) error {
	f := &j.request
	b, err := s.barriers(j)
	if err = errors.Join(err, s.short("owner", f.Owner), within("participant", len(f.Participant), s.door.limits.MaxRequestIDBytes)); err != nil {
		return err
	}
	generation, err := s.generation(f.Session)
	if err != nil {
		return err
	}
	p, err := b.Enter(j, barrier.Entry{
		Name: f.Name, ID: f.Participant, Session: lease.ID(f.Session), Generation: generation, Count: int(min(f.Count, maxCount)),
		Owner: f.Owner, Door: "stream", OwnTouches: true, Begins: func() { s.waitsAlone(j) },
	}, millis(f.WaitMS))
	if err != nil {
		return err
	}
	placeFields(&j.answer, &p)
	return nil
}

// maxCount is above any count that is taken.
const maxCount = 1 << 31

func (s *stream) leaveBarrier(j *job) error {
	f := &j.request
	b, err := s.barriers(j)
	if err != nil {
		return err
	}
	generation, err := s.generation(f.Session)
	if err != nil {
		return err
	}
	p, err := b.Leave(j, barrier.Exit{
		Name: f.Name, ID: f.Participant, Session: lease.ID(f.Session), Generation: generation, Begins: func() { s.waitsAlone(j) },
	}, millis(f.WaitMS))
	if err != nil {
		return err
	}
	placeFields(&j.answer, &p)
	return nil
}

func placeFields(f *wire.Frame, p *barrier.Place) {
	f.Name, f.Participant, f.Count, f.Total = p.Name, p.ID, int64(p.Count), int64(p.Participants)
	f.Revision, f.RepeatedRequest = p.Revision, p.Repeated
}

// lookAtBarrier tells how a barrier stands; of a double barrier, who is there.
func (s *stream) lookAtBarrier(j *job) error {
	f := &j.request
	b, err := s.barriers(j)
	if err != nil {
		return err
	}
	if f.Count == 0 && f.Limit == 0 {
		state, err := b.Look(j, f.Name, lock.Read{Linearizable: true})
		if err != nil {
			return err
		}
		barrierFields(&j.answer, &state)
		return nil
	}
	limit := int(min(max(f.Limit, 1), int64(s.door.limits.PageLimit)))
	fresh, done, err := s.largeAnswer(j, limit)
	if err != nil {
		return err
	}
	defer done()
	g, err := b.Gathering(j, f.Name, limit, fresh)
	if err != nil {
		return err
	}
	a := &j.answer
	a.Name, a.Closed, a.Count, a.Total, a.Revision = g.Name, !g.Open, int64(g.Count), int64(g.Total), g.Revision
	room := s.door.limits.MaxFrameBytes / 2
	for i := range g.Participants {
		p := &g.Participants[i]
		if room -= 60 + len(p.ID) + len(p.Owner) + len(p.Door); room < 0 && i > 0 {
			break
		}
		a.Contenders = append(a.Contenders, wire.Contender{
			Session: uint64(p.Session), Owner: p.Owner, Door: p.Door, EnqueuedMS: unixMillis(p.Since), Znode: p.ID,
		})
	}
	return nil
}

// barrierExtras adds what the errors of barriers know besides their text.
func barrierExtras(f *wire.Frame, err error) {
	if e, ok := errors.AsType[*barrier.ClosedError](err); ok {
		f.Name, f.Owner, f.SinceMS, f.Closed = e.Name, e.Owner, unixMillis(e.Since), true
		f.Count, f.Total, f.Revision = int64(e.Count), int64(e.Participants), e.Revision
	}
	if e, ok := errors.AsType[*barrier.CountError](err); ok {
		f.Name, f.Count = e.Name, int64(e.Others)
	}
}
