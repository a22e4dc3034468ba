package stream

import (
	"errors"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// generation returns by which generation a session is attached to this stream. The error is
// [znode.ErrSessionMoved] where it is not.
func (s *stream) generation(id uint64) (int64, error) {
	if id == 0 {
		return 0, badInput("session", "is missing", "give one that OPEN or ATTACH answered on this stream")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.sessions[lease.ID(id)]
	if !ok {
		return 0, znode.ErrSessionMoved
	}
	return a.generation, nil
}

func (s *stream) open(j *job) error {
	f, l := &j.request, &s.door.limits
	if err := errors.Join(
		within("request_id", len(f.RequestID), l.MaxRequestIDBytes),
		within("labels", size(f.Labels), l.MaxLabelBytes),
		checkTTL(f.TTLMS),
	); err != nil {
		return err
	}
	leave, err := s.reserve()
	if err != nil {
		return err
	}
	defer leave()
	t, err := s.door.cfg.Sessions.Open(j, lease.Options{
		TTL: millis(f.TTLMS), Labels: f.Labels, RequestID: f.RequestID, Owner: s.owner(1),
	})
	if err != nil {
		return err
	}
	return s.attached(j, &t)
}

func (s *stream) attachSession(j *job) error {
	f := &j.request
	if f.Session == 0 || f.Session >= 1<<63 {
		return badInput("session", "is not a session's id", "give the one that OPEN answered")
	}
	if err := checkTTL(f.TTLMS); err != nil {
		return err
	}
	leave, err := s.reserve()
	if err != nil {
		return err
	}
	defer leave()
	t, err := s.door.cfg.Sessions.Attach(j, lease.ID(f.Session), s.door.cfg.Member, millis(f.TTLMS))
	if err != nil {
		return err
	}
	if err := s.attached(j, &t); err != nil {
		return err
	}
	// Read now that losses are pushed: what is lost from here on is told, and the rest is here.
	names, list, total := s.door.cfg.Locks.Of(t.Session.ID, min(s.door.limits.PageLimit, wire.MaxNames))
	j.answer.Contenders, j.answer.Total = s.contenders(list), int64(total)
	j.answer.Names = names[:len(j.answer.Contenders)] // shorter than the paths, of which half a message has room
	s.tellAsks(t.Session.ID)
	return nil
}

// reserve keeps room for a session that is about to be attached.
func (s *stream) reserve() (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions)+s.opening >= s.door.limits.MaxSessions {
		return nil, lease.ErrTooManySessions
	}
	s.opening++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.opening--
	}, nil
}

// attached notes that the log has attached a session to this stream, and answers so, if it still
// is: it may have ended or moved on before it was noted.
func (s *stream) attached(j *job, t *lease.Touched) error {
	id, generation := t.Session.ID, t.Session.Owner.Generation
	if !s.attach(id, generation) {
		return znode.ErrSessionMoved
	}
	now, _, ok := s.door.cfg.Sessions.Look(id)
	switch {
	case !ok:
		s.detach(id, generation)
		return s.door.cfg.Sessions.Lost(id)
	case now.Owner != s.owner(generation):
		s.detach(id, generation)
		return znode.ErrSessionMoved
	}
	j.answer.Session, j.answer.TTLMS, j.answer.Revision = uint64(id), t.Session.TTL.Milliseconds(), t.Revision
	return nil
}

func (s *stream) closeSession(j *job) error {
	id := lease.ID(j.request.Session)
	generation, err := s.generation(j.request.Session)
	if err != nil {
		return err
	}
	s.mark(id, generation, true)
	revision, err := s.door.cfg.Sessions.Close(j, id, s.owner(generation))
	if err != nil {
		s.mark(id, generation, false)
		return err
	}
	s.detach(id, generation)
	j.answer.Session, j.answer.Revision = j.request.Session, revision
	return nil
}

// mark says whether a session is being closed by its client.
func (s *stream) mark(id lease.ID, generation int64, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.sessions[id]; ok && a.generation == generation {
		a.closing = closing
		s.sessions[id] = a
	}
}

// touch touches the sessions listed, or all, and answers once all touches are confirmed but those
// of sessions that are over.
func (s *stream) touch(j *job) error {
	list, err := s.toTouch(j.request.Sessions)
	if err != nil {
		return err
	}
	lost, err := s.door.cfg.Sessions.TouchAll(j, list)
	if err != nil {
		return err
	}
	for i := range lost {
		j.answer.Lost = append(j.answer.Lost, wire.Lost{Session: uint64(lost[i].ID), Cause: string(lost[i].Cause)})
	}
	return nil
}

func (s *stream) toTouch(ids []uint64) ([]lease.Attachment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(ids) == 0 {
		list := make([]lease.Attachment, 0, len(s.sessions))
		for id, a := range s.sessions {
			list = append(list, lease.Attachment{ID: id, Generation: a.generation})
		}
		return list, nil
	}
	if len(ids) > s.door.limits.MaxSessions {
		return nil, badInput("sessions", "are more than a stream may have", "list each once")
	}
	list := make([]lease.Attachment, 0, len(ids))
	for _, id := range ids {
		a, ok := s.sessions[lease.ID(id)]
		if !ok {
			return nil, znode.ErrSessionMoved
		}
		list = append(list, lease.Attachment{ID: lease.ID(id), Generation: a.generation})
	}
	return list, nil
}

// checkLocked looks, at the moment of answering, whether what the answer says has been overtaken
// by a push that is queued already. If so the answer says that instead.
func (s *stream) checkLocked(j *job) {
	if j.answer.Kind != wire.OK {
		return
	}
	var err error
	switch is := kinds[j.request.Kind].flags; {
	case is&attaches != 0:
		if _, ok := s.sessions[lease.ID(j.answer.Session)]; !ok {
			err = znode.ErrSessionMoved
		}
	case is&takes != 0:
		_, lost := s.lost[j.answer.Token]
		for i := range j.answer.Contenders { // of several locks
			_, one := s.lost[j.answer.Contenders[i].Token]
			lost = lost || one
		}
		if lost {
			err = errOvertaken
		}
	}
	if err != nil {
		s.door.fail(j, err)
		j.encoded = wire.AppendFrame(j.encoded[:0], &j.answer)
	}
}

func checkTTL(ms int64) error {
	if ms < 0 {
		return badInput("ttl_ms", "is negative", "leave it out for the default")
	}
	return nil
}
