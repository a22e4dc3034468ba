package stream

import (
	"errors"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

func (s *stream) downgrade(j *job) error {
	f := &j.request
	if err := s.name(f.Name); err != nil {
		return err
	}
	generation, err := s.generation(f.Session)
	if err != nil {
		return err
	}
	return j.holds(s.door.cfg.Locks.Downgrade(j, f.Name, lease.ID(f.Session), generation, lock.Token(f.Token)))
}

// acquireAll answers with a contender for each lock, in the order of their names.
func (s *stream) acquireAll(j *job) error {
	r, err := s.anyRequest(j)
	if err != nil {
		return err
	}
	f := &j.request
	wait, err := waitOf(f)
	if err = errors.Join(err, s.names(f.Names)); err != nil {
		return err
	}
	r.Begins = func(ticket string) { s.waitingFor(j, ticket, lock.TicketName(ticket)) }
	holds, err := s.door.cfg.Locks.AcquireAll(j, f.Names, r, wait)
	if err != nil {
		return err
	}
	a := &j.answer
	a.State, a.TTLMS, a.Mode = wire.Held, holds[0].TTL.Milliseconds(), string(r.Mode)
	for i := range holds {
		h := &holds[i]
		a.Contenders = append(a.Contenders, wire.Contender{Token: int64(h.Token), State: stateOf(h.State), SinceMS: unixMillis(h.Since), Znode: h.Znode})
		a.Names = append(a.Names, h.Name)
		a.Revision = max(a.Revision, h.Revision)
		a.RepeatedRequest = a.RepeatedRequest || h.Repeated
	}
	return nil
}

func (s *stream) releaseAll(j *job) error {
	f := &j.request
	if err := errors.Join(s.names(f.Names), within("request_id", len(f.RequestID), s.door.limits.MaxRequestIDBytes)); err != nil {
		return err
	}
	generation, err := s.generation(f.Session)
	if err != nil {
		return err
	}
	dones, err := s.door.cfg.Locks.ReleaseAll(j, f.Names, lock.Release{
		Session: lease.ID(f.Session), Generation: generation, Token: lock.Token(f.Token), RequestID: f.RequestID,
	})
	if err != nil {
		return err
	}
	a := &j.answer
	for i := range dones {
		a.Contenders = append(a.Contenders, wire.Contender{Token: int64(dones[i].Token)})
		a.Names = append(a.Names, dones[i].Name)
		a.Revision = max(a.Revision, dones[i].Revision)
	}
	return nil
}

func (s *stream) names(names []string) error {
	for _, name := range names {
		if err := s.name(name); err != nil {
			return err
		}
	}
	return nil
}
