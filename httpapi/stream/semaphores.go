package stream

import (
	"errors"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lock"
)

// permitRequest adds to a request what ACQUIRE_PERMITS and ENQUEUE_PERMITS say besides.
func permitRequest(f *wire.Frame, r lock.Request) (lock.PermitRequest, error) {
	err := errors.Join(count("permits", f.Permits), count("permit_limit", f.PermitLimit))
	return lock.PermitRequest{Request: r, Permits: int(f.Permits), Limit: int(f.PermitLimit)}, err
}

// count looks whether a number may be one of permits; 0 says nothing.
func count(field string, n int64) error {
	if n < 0 || n >= maxCount {
		return badInput(field, "is not a number from 1 to 2^31-1", "give a number of permits, or leave it out")
	}
	return nil
}

func (s *stream) acquirePermits(j *job) error {
	r, wait, err := s.acquiring(j)
	if err != nil {
		return err
	}
	p, err := permitRequest(&j.request, r)
	if err != nil {
		return err
	}
	return j.holds(s.door.cfg.Locks.AcquirePermits(j, p, wait))
}

func (s *stream) enqueuePermits(j *job) error {
	r, err := s.lockRequest(j)
	if err != nil {
		return err
	}
	p, err := permitRequest(&j.request, r)
	if err != nil {
		return err
	}
	return j.stands(s.door.cfg.Locks.EnqueuePermits(j, p))
}

func (s *stream) releasePermits(j *job) error {
	r, err := s.releaseRequest(&j.request)
	if err != nil {
		return err
	}
	return j.gives(s.door.cfg.Locks.ReleasePermits(j, r))
}

func (s *stream) semaphore(j *job) error {
	f := &j.request
	if err := s.name(f.Name); err != nil {
		return err
	}
	limit := s.pageLimit(f)
	fresh, done, err := s.largeAnswer(j, limit)
	if err != nil {
		return err
	}
	defer done()
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
