package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// do works on a request and encodes its answer.
func (s *stream) do(j *job) {
	code := "ok"
	switch err := s.handle(j); {
	case err == nil:
		j.answer.Kind, j.answer.ID = wire.OK, j.request.ID
		j.encoded = wire.AppendFrame(j.encoded[:0], &j.answer)
	case err == errAnswered: //nolint:errorlint // never wrapped
		j.encoded = j.encoded[:0]
	default:
		code = s.door.fail(j, err)
		j.encoded = wire.AppendFrame(j.encoded[:0], &j.answer)
	}
	s.door.meters.answered(j.request.Kind, code, s.now()-j.begun)
}

// handle calls the handler. Its panic is one client's trouble, not the member's.
func (s *stream) handle(j *job) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.door.log.Error("a handler of the stream panicked", "kind", int(j.request.Kind), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	return kinds[j.request.Kind].handle(s, j)
}

func (s *stream) hello(j *job) error {
	if err := s.short("client", j.request.Client); err != nil {
		return err
	}
	h, l := s.door.cfg.Hello(), &s.door.limits
	a := &j.answer
	a.Member, a.Cluster, a.Version, a.Endpoints = h.Member, h.Cluster, h.Version, h.Endpoints
	a.MaxFrame, a.MaxInFlight = int64(l.MaxFrameBytes), int64(l.MaxInFlight)
	return nil
}

func (s *stream) acquire(j *job) error {
	r, wait, err := s.acquiring(j)
	if err != nil {
		return err
	}
	return j.holds(s.door.cfg.Locks.Acquire(j, r, wait))
}

func (s *stream) enqueue(j *job) error {
	r, err := s.lockRequest(j)
	if err != nil {
		return err
	}
	return j.stands(s.door.cfg.Locks.Enqueue(j, r))
}

// acquiring reads a request that may wait, and for how long. The client is told when it does.
func (s *stream) acquiring(j *job) (lock.Request, time.Duration, error) {
	r, err := s.lockRequest(j)
	if err != nil {
		return r, 0, err
	}
	wait, err := waitOf(&j.request)
	if wait != 0 {
		r.Begins = func(ticket string) { s.waiting(j, ticket) }
	}
	return r, wait, err
}

// waitOf reads how long a request may wait; a negative time stands for "without limit".
func waitOf(f *wire.Frame) (time.Duration, error) {
	if f.WaitMS < -1 {
		return 0, badInput("wait_ms", "is below -1", "give -1 to wait without limit")
	}
	return millis(f.WaitMS), nil
}

// lockRequest reads what ACQUIRE and ENQUEUE have in common.
func (s *stream) lockRequest(j *job) (lock.Request, error) {
	if err := s.name(j.request.Name); err != nil {
		return lock.Request{}, err
	}
	return s.anyRequest(j)
}

// anyRequest reads what requests for locks have in common beside the names.
func (s *stream) anyRequest(j *job) (lock.Request, error) {
	f, l := &j.request, &s.door.limits
	generation, err := s.generation(f.Session)
	if err != nil {
		return lock.Request{}, err
	}
	if err := errors.Join(
		s.short("owner", f.Owner), s.short("reason", f.Reason),
		within("request_id", len(f.RequestID), l.MaxRequestIDBytes), within("metadata", size(f.Metadata), l.MaxMetadataBytes),
	); err != nil {
		return lock.Request{}, err
	}
	return lock.Request{
		Name: f.Name, Session: lease.ID(f.Session), Generation: generation,
		Owner: f.Owner, Reason: f.Reason, Metadata: f.Metadata, RequestID: f.RequestID, Door: "stream", Compat: lock.Compat(f.Compat), OwnTouches: true,
		Mode: lock.Mode(f.Mode), Reentrant: f.Reentrant, LockDelay: time.Duration(min(f.LockDelayMS, maxSpan.Milliseconds())) * time.Millisecond,
		Deadlock: lock.DeadlockMode(f.Deadlock),
	}, nil
}

func (s *stream) await(j *job) error {
	f := &j.request
	if err := s.ticket(f.Ticket); err != nil {
		return err
	}
	wait, err := waitOf(f)
	if err != nil {
		return err
	}
	h, err := s.door.cfg.Locks.AwaitTold(j, f.Ticket, wait, func(ticket string) { s.waiting(j, ticket) })
	if err != nil {
		return err
	}
	holdFields(&j.answer, &h)
	j.answer.Name, j.answer.Session, j.answer.Ticket = h.Name, uint64(h.Session), f.Ticket
	return nil
}

func (s *stream) leave(j *job) error {
	if err := s.ticket(j.request.Ticket); err != nil {
		return err
	}
	return j.gives(s.door.cfg.Locks.Leave(j, j.request.Ticket))
}

func (s *stream) release(j *job) error {
	r, err := s.releaseRequest(&j.request)
	if err != nil {
		return err
	}
	return j.gives(s.door.cfg.Locks.Release(j, r))
}

// releaseRequest reads what RELEASE and RELEASE_PERMITS have in common.
func (s *stream) releaseRequest(f *wire.Frame) (lock.Release, error) {
	r := lock.Release{Name: f.Name, Token: lock.Token(f.Token), RequestID: f.RequestID, Force: f.Force, Reason: f.Reason}
	if err := errors.Join(s.name(f.Name), s.short("reason", f.Reason), within("request_id", len(f.RequestID), s.door.limits.MaxRequestIDBytes)); err != nil {
		return r, err
	}
	if f.Force {
		return r, nil
	}
	generation, err := s.generation(f.Session)
	r.Session, r.Generation = lease.ID(f.Session), generation
	return r, err
}

// fewContenders is up to how many contenders a QUEUE asks for a small answer.
const fewContenders = 16

// pageLimit is how many entries an answer to f may have.
func (s *stream) pageLimit(f *wire.Frame) int {
	if limit := s.door.limits.PageLimit; f.Limit <= 0 || f.Limit > int64(limit) {
		return limit
	}
	return int(f.Limit)
}

// largeAnswer waits until an answer of up to limit entries may be made, which done must be told.
func (s *stream) largeAnswer(j *job, limit int) (fresh lock.Read, done func(), err error) {
	if limit > fewContenders {
		if err := s.awaitLarge(j); err != nil {
			return fresh, nil, err
		}
	}
	fresh.Linearizable, done = true, func() {}
	if s.door.cfg.Turn != nil {
		done, err = s.door.cfg.Turn(j, limit, &fresh)
	}
	return fresh, done, err
}

func (s *stream) queue(j *job) error { return s.answerQueue(j, s.door.cfg.Locks.Queue) }

// answerQueue answers how the queue of a name stands, as read tells.
func (s *stream) answerQueue(j *job, read func(ctx context.Context, name string, limit int, fresh lock.Read) (lock.Queue, error)) error {
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
	q, err := read(j, f.Name, limit, fresh)
	if err != nil {
		return err
	}
	a := &j.answer
	a.Name, a.Total, a.Revision = q.Name, int64(q.Total), q.Revision
	a.Contenders = s.contenders(q.Contenders)
	return nil
}

func (s *stream) fence(j *job) error {
	if err := s.name(j.request.Name); err != nil {
		return err
	}
	f, err := s.door.cfg.Locks.Fence(j, j.request.Name, lock.Read{Linearizable: true})
	if err != nil {
		return err
	}
	j.answer.Name, j.answer.Token, j.answer.Revision = f.Name, int64(f.Token), f.Revision
	return nil
}

func (s *stream) check(j *job) error {
	if err := s.name(j.request.Name); err != nil {
		return err
	}
	if j.request.Token <= 0 || j.request.Token >= 1<<53 {
		return badInput("token", "is not a number from 1 to 2^53", "give the token as it was answered")
	}
	f, err := s.door.cfg.Locks.CheckFence(j, j.request.Name, lock.Token(j.request.Token))
	if err != nil {
		return err
	}
	j.answer.Name, j.answer.Token, j.answer.Revision = f.Name, int64(f.Token), f.Revision
	return nil
}

// maxSpan is as long as a time in milliseconds may be: it stands for "without limit" well enough,
// and does not overflow.
const maxSpan = 100 * 365 * 24 * time.Hour

// millis turns milliseconds into a duration; -1 stays negative.
func millis(ms int64) time.Duration {
	return time.Duration(max(min(ms, maxSpan.Milliseconds()), -1)) * time.Millisecond
}

func badInput(field, problem, fix string) error {
	return &lease.InputError{Field: field, Problem: problem, Fix: fix}
}

func within(field string, n, limit int) error {
	if n > limit {
		return badInput(field, fmt.Sprintf("has %d bytes; this server takes %d", n, limit), "make it shorter")
	}
	return nil
}

func (s *stream) short(field, text string) error {
	return within(field, len(text), s.door.limits.MaxTextBytes)
}

// name looks whether a name may be that of a lock or a fence.
func (s *stream) name(name string) error {
	if len(name) > s.door.limits.MaxNameBytes {
		return within("name", len(name), s.door.limits.MaxNameBytes)
	}
	_, err := lock.Path(name)
	return err
}

func (s *stream) ticket(ticket string) error {
	if ticket == "" {
		return badInput("ticket", "is missing", "give the ticket that ENQUEUE answered")
	}
	return within("ticket", len(ticket), 2*s.door.limits.MaxNameBytes)
}

func size(pairs map[string]string) (n int) {
	for k, v := range pairs {
		n += len(k) + len(v)
	}
	return n
}

// owner is the connection by which a session is attached to this stream.
func (s *stream) owner(generation int64) znode.Owner {
	return znode.Owner{Member: s.door.cfg.Member, Generation: generation}
}
