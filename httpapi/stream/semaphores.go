package stream

import (
	"errors"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// permitRequest reads what ACQUIRE_PERMITS and ENQUEUE_PERMITS have in common.
func (s *stream) permitRequest(j *job) (lock.PermitRequest, error) {
	f := &j.request
	r, err := s.lockRequest(j)
	if err != nil {
		return lock.PermitRequest{}, err
	}
	if err := errors.Join(count("permits", f.Permits), count("permit_limit", f.PermitLimit)); err != nil {
		return lock.PermitRequest{}, err
	}
	return lock.PermitRequest{Request: r, Permits: int(f.Permits), Limit: int(f.PermitLimit)}, nil
}

// count looks whether a number may be one of permits; 0 says nothing.
func count(field string, n int64) error {
	if n < 0 || n >= maxCount {
		return badInput(field, "is not a number from 1 to 2^31-1", "give a number of permits, or leave it out")
	}
	return nil
}

func (s *stream) acquirePermits(j *job) error {
	r, err := s.permitRequest(j)
	if err != nil {
		return err
	}
	f := &j.request
	if f.WaitMS < -1 {
		return badInput("wait_ms", "is below -1", "give -1 to wait without limit")
	}
	if f.WaitMS != 0 {
		r.Begins = func(ticket string) { s.waiting(j, ticket) }
	}
	h, err := s.door.cfg.Locks.AcquirePermits(j, r, millis(f.WaitMS))
	if err != nil {
		return err
	}
	holdFields(&j.answer, &h)
	return nil
}

func (s *stream) enqueuePermits(j *job) error {
	r, err := s.permitRequest(j)
	if err != nil {
		return err
	}
	h, err := s.door.cfg.Locks.EnqueuePermits(j, r)
	if err != nil {
		return err
	}
	holdFields(&j.answer, &h)
	j.answer.Ticket = h.Ticket
	return nil
}

func (s *stream) releasePermits(j *job) error {
	f := &j.request
	if err := errors.Join(s.name(f.Name), s.short("reason", f.Reason), within("request_id", len(f.RequestID), s.door.limits.MaxRequestIDBytes)); err != nil {
		return err
	}
	r := lock.Release{Name: f.Name, Token: lock.Token(f.Token), RequestID: f.RequestID, Force: f.Force, Reason: f.Reason}
	if !f.Force {
		generation, err := s.generation(f.Session)
		if err != nil {
			return err
		}
		r.Session, r.Generation = lease.ID(f.Session), generation
	}
	d, err := s.door.cfg.Locks.ReleasePermits(j, r)
	if err != nil {
		return err
	}
	doneFields(&j.answer, &d)
	return nil
}

func (s *stream) semaphore(j *job) error {
	f, l := &j.request, &s.door.limits
	if err := s.name(f.Name); err != nil {
		return err
	}
	limit := l.PageLimit
	if f.Limit > 0 {
		limit = int(min(f.Limit, int64(limit)))
	}
	if limit > fewContenders {
		if err := s.awaitLarge(j); err != nil {
			return err
		}
	}
	fresh := lock.Read{Linearizable: true}
	if s.door.cfg.Turn != nil {
		done, err := s.door.cfg.Turn(j, limit, &fresh)
		if err != nil {
			return err
		}
		defer done()
	}
	v, err := s.door.cfg.Locks.Semaphore(j, f.Name, lock.Token(f.Token), limit, fresh)
	if err != nil {
		return err
	}
	a := &j.answer
	a.Name, a.PermitLimit, a.InUse, a.Revision = v.Name, int64(v.Limit), int64(v.InUse), v.Revision
	a.Total, a.Waiters = int64(v.Holding+v.Waiting), int64(v.Waiting)
	a.Contenders = s.contenders(append(v.Holders, v.Waiters...))
	return nil
}

func (s *stream) setLimit(j *job) error {
	f := &j.request
	if err := errors.Join(s.name(f.Name), count("permit_limit", f.PermitLimit)); err != nil {
		return err
	}
	set, err := s.door.cfg.Locks.SetLimit(j, f.Name, int(f.PermitLimit))
	if err != nil {
		return err
	}
	j.answer.Name, j.answer.PermitLimit, j.answer.Revision = set.Name, int64(set.Limit), set.Revision
	return nil
}
