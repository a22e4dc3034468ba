package stream

import (
	"errors"
	"io"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/store"
)

// What this door itself refuses.
var (
	errHello    = errors.New("HELLO comes first, and once")
	errKind     = errors.New("this kind of request is not known here")
	errClosing  = store.ErrClosed
	errWaits    = errors.New("too many requests wait")
	errSubs     = errors.New("too many subscriptions of this stream")
	errInternal = errors.New("something went wrong in the server")

	errAnswered = errors.New("answered already") // never leaves this package
)

// receive takes the requests of one message.
func (s *stream) receive(batch []byte) {
	d := wire.NewDecoder(batch)
	for {
		s.mu.Lock()
		j := s.newJobLocked()
		s.mu.Unlock()
		err := d.Next(&j.request)
		if err == nil {
			if !s.take(j) {
				return
			}
			continue
		}
		if !errors.Is(err, io.EOF) {
			s.close(wire.CloseMalformed, err.Error())
		}
		s.mu.Lock()
		s.freeLocked(j)
		s.mu.Unlock()
		return
	}
}

// take begins the work on a request, and reports whether more may come.
func (s *stream) take(j *job) bool {
	f := &j.request
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != nil || s.over {
		return false
	}
	if !f.Kind.IsRequest() {
		s.freeLocked(j) // not a request, whatever it is
		return true
	}
	if f.Kind == wire.Cancel {
		s.cancelLocked(f.Target)
		s.freeLocked(j)
		return true
	}
	if s.usedLocked(f.ID) {
		s.closeLocked(wire.CloseMalformed, "the id of a request is 0 or in use")
		return false
	}
	if err := s.admitLocked(j); err != nil {
		s.door.failLocked(s, f, err)
		s.freeLocked(j)
		return true
	}
	j.begun, j.position = s.now(), -1
	s.flying[f.ID] = j
	s.pushLocked(j)
	return true
}

// usedLocked reports whether a request's id cannot be told from another's.
func (s *stream) usedLocked(id uint64) bool {
	if _, used := s.flying[id]; used || id == 0 {
		return true
	}
	_, used := s.subs[id]
	return used
}

// admitLocked says why a request is not worked on, or counts it.
func (s *stream) admitLocked(j *job) error {
	kind := j.request.Kind
	switch {
	case kinds[kind].handle == nil:
		return errKind
	case s.refusing:
		return errClosing
	case s.greeted == (kind == wire.Hello):
		return errHello
	case len(s.flying)-s.waits >= s.door.limits.MaxInFlight:
		return store.ErrBusy
	}
	p := &s.door.cfg.InFlight
	reserve := p.Limit / keepShare
	if kinds[kind].flags&keeps != 0 {
		reserve = 0
	}
	if !p.enter(reserve) {
		return store.ErrBusy
	}
	j.place = p
	if kind == wire.Hello {
		s.greeted = true
	}
	return nil
}

// keepShare is the part of the requests in flight that only those may use that give something up
// or keep it alive, so that an overload of acquires cannot cost anybody a lock.
const keepShare = 8

// cancelLocked ends a request that nobody waits for any more.
func (s *stream) cancelLocked(id uint64) {
	if j := s.flying[id]; j != nil {
		j.end(errCancelled)
	}
	if sub := s.subs[id]; sub != nil {
		sub.end(errCancelled)
	}
}

// finishLocked answers a request and forgets it.
func (s *stream) finishLocked(j *job) {
	delete(s.flying, j.request.ID)
	if j.waits {
		s.waits--
	}
	if j.place != nil {
		j.place.leave()
	}
	s.checkLocked(j)
	s.sendLocked(j.encoded)
	if j.large {
		j.large = false
		<-s.large
	}
	s.freeLocked(j)
	if len(s.flying) == 0 && len(s.lost) > 0 {
		clear(s.lost)
	}
	if s.refusing {
		s.leaveLocked()
	}
}

// waiting notes that the wait of j has begun, and tells its client.
func (s *stream) waiting(j *job, ticket string) { s.waitingFor(j, ticket, "") }

// waitingFor is waiting for one of several locks, whose name the client is to be told: again and again,
// as j comes to wait for another one.
func (s *stream) waitingFor(j *job, ticket, name string) {
	if s.begin(j, ticket, name) {
		s.tellPosition(waiter{j, j.request.ID, ticket, name})
	}
}

// waitsAlone is waiting for what has no queue.
func (s *stream) waitsAlone(j *job) {
	if s.begin(j, "", "") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pushFrameLocked(&wire.Frame{Kind: wire.Waiting, ID: j.request.ID})
	}
}

// begin counts a wait, once for each request, and reports whether it may begin.
func (s *stream) begin(j *job, ticket, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.door.cfg.Waiting
	switch {
	case j.waits:
		j.ticket, j.name, j.position = ticket, name, -1
	case s.refusing:
		j.end(errClosing)
	case s.waits >= s.door.limits.MaxWaiting || !p.enter(0):
		j.end(errWaits)
	default:
		j.place.leave()
		j.place = p
		j.waits, j.ticket, j.name = true, ticket, name
		s.waits++
	}
	return j.waits
}

// A waiter is a wait as it was when the stream's mutex was held: its job may be another request's
// by now.
type waiter struct {
	job    *job
	id     uint64
	ticket string
	name   string // of one of several locks
}

// tellPosition pushes how a wait stands, where that has changed.
func (s *stream) tellPosition(w waiter) {
	position, holder, ok := s.door.cfg.Locks.Ahead(w.ticket)
	if !ok || position == 0 {
		return
	}
	f := wire.Frame{Kind: wire.Waiting, ID: w.id, Name: w.name, Position: int64(position), Ticket: w.ticket, Contenders: []wire.Contender{contenderOf(&holder)}}
	f.Ahead, f.ExpectedMS = f.Position, s.door.cfg.Locks.ExpectedWait(w.ticket).Milliseconds()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flying[w.id] != w.job || w.job.ticket != w.ticket || w.job.position == position {
		return
	}
	w.job.position = position
	s.pushFrameLocked(&f)
}
