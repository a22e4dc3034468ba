package stream

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// handlers are what requests do: each fills in the answer, or says why not.
var handlers = map[wire.Kind]func(*stream, *job) error{
	wire.Hello:       (*stream).hello,
	wire.Open:        (*stream).open,
	wire.Attach:      (*stream).attachSession,
	wire.Close:       (*stream).closeSession,
	wire.Touch:       (*stream).touch,
	wire.Acquire:     (*stream).acquire,
	wire.Enqueue:     (*stream).enqueue,
	wire.Await:       (*stream).await,
	wire.Leave:       (*stream).leave,
	wire.Release:     (*stream).release,
	wire.Queue:       (*stream).queue,
	wire.Fence:       (*stream).fence,
	wire.Check:       (*stream).check,
	wire.Subscribe:   (*stream).subscribe,
	wire.Unsubscribe: (*stream).unsubscribe,
	wire.Downgrade:   (*stream).downgrade,
	wire.AcquireAll:  (*stream).acquireAll,
	wire.ReleaseAll:  (*stream).releaseAll,

	wire.AcquirePermits: (*stream).acquirePermits,
	wire.EnqueuePermits: (*stream).enqueuePermits,
	wire.ReleasePermits: (*stream).releasePermits,
	wire.Semaphore:      (*stream).semaphore,
	wire.SetLimit:       (*stream).setLimit,

	wire.SetBarrier:    (*stream).setBarrier,
	wire.RemoveBarrier: (*stream).removeBarrier,
	wire.AwaitBarrier:  (*stream).awaitBarrier,
	wire.Enter:         (*stream).enterBarrier,
	wire.Exit:          (*stream).leaveBarrier,
	wire.Barrier:       (*stream).lookAtBarrier,
	wire.GetValue:      (*stream).getValue,
	wire.PutValue:      (*stream).putValue,
	wire.DeleteValue:   (*stream).deleteValue,
	wire.Deadlocks:     (*stream).deadlocks,
	wire.Blockers:      (*stream).blockers,
	wire.Campaign:      (*stream).campaign,
	wire.Candidates:    (*stream).candidates,
	wire.Proclaim:      (*stream).proclaim,
	wire.HandOver:      (*stream).handOver,
	wire.Observe:       (*stream).observe,
}

func knownKind(kind wire.Kind) bool { return handlers[kind] != nil }

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
	return handlers[j.request.Kind](s, j)
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
	r, err := s.lockRequest(j)
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
	h, err := s.door.cfg.Locks.Acquire(j, r, millis(f.WaitMS))
	if err != nil {
		return err
	}
	holdFields(&j.answer, &h)
	return nil
}

func (s *stream) enqueue(j *job) error {
	r, err := s.lockRequest(j)
	if err != nil {
		return err
	}
	h, err := s.door.cfg.Locks.Enqueue(j, r)
	if err != nil {
		return err
	}
	holdFields(&j.answer, &h)
	j.answer.Ticket = h.Ticket
	return nil
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
	if f.WaitMS < -1 {
		return badInput("wait_ms", "is below -1", "give -1 to wait without limit")
	}
	h, err := s.door.cfg.Locks.AwaitTold(j, f.Ticket, millis(f.WaitMS), func(ticket string) { s.waiting(j, ticket) })
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
	d, err := s.door.cfg.Locks.Leave(j, j.request.Ticket)
	if err != nil {
		return err
	}
	doneFields(&j.answer, &d)
	return nil
}

func (s *stream) release(j *job) error {
	f := &j.request
	r := lock.Release{Name: f.Name, Token: lock.Token(f.Token), RequestID: f.RequestID, Force: f.Force, Reason: f.Reason}
	if err := errors.Join(s.name(f.Name), s.short("reason", f.Reason), within("request_id", len(f.RequestID), s.door.limits.MaxRequestIDBytes)); err != nil {
		return err
	}
	if !f.Force {
		generation, err := s.generation(f.Session)
		if err != nil {
			return err
		}
		r.Session, r.Generation = lease.ID(f.Session), generation
	}
	d, err := s.door.cfg.Locks.Release(j, r)
	if err != nil {
		return err
	}
	doneFields(&j.answer, &d)
	return nil
}

// fewContenders is up to how many contenders a QUEUE asks for a small answer.
const fewContenders = 16

// largeAnswer waits until an answer with as many contenders as j asks for may be made, which done
// must be told.
func (s *stream) largeAnswer(j *job) (limit int, fresh lock.Read, done func(), err error) {
	limit = s.door.limits.PageLimit
	if n := j.request.Limit; n > 0 {
		limit = int(min(n, int64(limit)))
	}
	if limit > fewContenders {
		if err := s.awaitLarge(j); err != nil {
			return 0, fresh, nil, err
		}
	}
	fresh.Linearizable, done = true, func() {}
	if s.door.cfg.Turn != nil {
		done, err = s.door.cfg.Turn(j, limit, &fresh)
	}
	return limit, fresh, done, err
}

func (s *stream) queue(j *job) error {
	f := &j.request
	if err := s.name(f.Name); err != nil {
		return err
	}
	limit, fresh, done, err := s.largeAnswer(j)
	if err != nil {
		return err
	}
	defer done()
	q, err := s.door.cfg.Locks.Queue(j, f.Name, limit, fresh)
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
