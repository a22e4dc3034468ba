package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

// errOvertaken is answered in place of a hold whose loss has been pushed.
var errOvertaken = fmt.Errorf("it was lost before this answer: %w", lock.ErrHoldLost)

// retryTime is what retry_ms says; a change of leader takes about as long.
const retryTime = time.Second

// codes maps errors that only a stream knows; the first match wins. All others are [Config.Problem]'s.
var codes = []struct {
	err   error
	code  string
	retry bool
}{
	{errHello, wire.CodeHelloRequired, false},
	{errKind, wire.CodeUnknownKind, false},
	{errWaits, wire.CodeTooManyWaits, true},
	{errSubs, wire.CodeTooManyStreams, false},
	{errInternal, wire.CodeInternal, false},
	{errBroken, wire.CodeUncertain, true}, // nobody is left to read it
	{lock.ErrEventsGone, wire.CodeEventsGone, false},
	{lock.ErrSlowSubscriber, wire.CodeTooSlow, false},
}

// fail makes j's answer say err, and returns its code.
func (d *Door) fail(j *job, err error) (code string) {
	// What an acquire has begun when it is cancelled is undone by itself.
	if j.cancelled(err) && (kinds[j.request.Kind].flags&undone != 0 || !errors.Is(err, store.ErrUncertain)) {
		j.answer.Reset()
		j.answer.Kind, j.answer.ID = wire.Error, j.request.ID
		j.answer.Code, j.answer.Message = wire.CodeCancelled, errCancelled.Error()
		return j.answer.Code
	}
	d.errorFrame(&j.answer, j.request.ID, err)
	return j.answer.Code
}

// failLocked refuses a request that is not worked on. The stream's mutex is held.
func (d *Door) failLocked(s *stream, request *wire.Frame, err error) {
	var f wire.Frame
	d.errorFrame(&f, request.ID, err)
	s.pushFrameLocked(&f)
	d.meters.answered(request.Kind, f.Code, 0)
}

// errorFrame makes f the answer that says err.
func (d *Door) errorFrame(f *wire.Frame, id uint64, err error) {
	f.Reset()
	f.Kind, f.ID = wire.Error, id
	code, retry := d.code(err)
	if code == wire.CodeInternal && !errors.Is(err, errInternal) {
		d.log.Error("a request over a stream failed for a reason that no client can mend", "err", err)
		err = errInternal // its text may tell what is not the client's
	}
	f.Code, f.Message = code, err.Error()
	if retry {
		f.RetryMS = retryTime.Milliseconds()
	}
	extras(f, err)
}

func (d *Door) code(err error) (code string, retry bool) {
	for i := range codes {
		if errors.Is(err, codes[i].err) {
			return codes[i].code, codes[i].retry
		}
	}
	return d.cfg.Problem(err)
}

// extras adds what the typed errors know besides their text.
func extras(f *wire.Frame, err error) {
	if e, ok := errors.AsType[*lease.InputError](err); ok {
		f.Field, f.Fix, f.Message = e.Field, e.Fix, e.Field+" "+e.Problem
	}
	if e, ok := errors.AsType[*lock.DeadlockError](err); ok {
		f.Name, f.Revision, f.Links = e.Name, e.Revision, linksOf(e.Cycle)
	}
	if e, ok := errors.AsType[*lock.HeldError](err); ok {
		f.Name, f.Position, f.Revision = e.Name, int64(e.Position), e.Revision
		f.Ahead, f.ExpectedMS = int64(e.Position), e.ExpectedWait.Milliseconds()
		if e.Holder.Token != 0 {
			f.Contenders = []wire.Contender{contenderOf(&e.Holder)}
		}
	}
	if e, ok := errors.AsType[*lock.HoldLostError](err); ok {
		f.Name, f.Token, f.Cause, f.Reason = e.Name, int64(e.Token), e.Cause, e.Reason
	} else if e, ok := errors.AsType[*lease.LostError](err); ok {
		f.Session, f.Cause = uint64(e.ID), string(e.Cause)
	}
	if e, ok := errors.AsType[*lock.PermitsError](err); ok {
		f.Name, f.Permits, f.PermitLimit, f.Limit = e.Name, int64(e.Permits), int64(e.Limit), int64(e.Asked)
		f.InUse, f.Waiters, f.Revision = int64(e.InUse), int64(e.Waiting), e.Revision
	}
	barrierExtras(f, err)
	valueExtras(f, err)
	if e, ok := errors.AsType[*lock.StaleTokenError](err); ok {
		f.Name, f.Token, f.Highest = e.Fence, int64(e.Token), int64(e.Highest)
	}
}

// holdFields says how a contender stands, to its own client.
func holdFields(f *wire.Frame, h *lock.Hold) {
	f.State, f.Token, f.Position = stateOf(h.State), int64(h.Token), int64(h.Position)
	f.SinceMS, f.TTLMS = unixMillis(h.Since), h.TTL.Milliseconds()
	f.Revision, f.RepeatedRequest, f.Permits = h.Revision, h.Repeated, int64(h.Permits)
	f.Mode = string(h.Mode)
	if h.Count > 1 {
		f.Count = int64(h.Count)
	}
	f.Ahead, f.ExpectedMS = f.Position, h.ExpectedWait.Milliseconds()
}

// holds answers with a hold, or with the error in its place.
func (j *job) holds(h lock.Hold, err error) error {
	if err == nil {
		holdFields(&j.answer, &h)
	}
	return err
}

// stands is holds for what may be a place in the queue, of which the ticket is told.
func (j *job) stands(h lock.Hold, err error) error {
	j.answer.Ticket = h.Ticket
	return j.holds(h, err)
}

// gives answers with what was given up, or with the error in its place.
func (j *job) gives(d lock.Done, err error) error {
	if err == nil {
		doneFields(&j.answer, &d)
	}
	return err
}

func doneFields(f *wire.Frame, d *lock.Done) {
	f.Name, f.Token, f.Revision, f.RepeatedRequest = d.Name, int64(d.Token), d.Revision, d.Repeated
	f.Count = int64(d.Count)
}

// contenders makes wire contenders of list, as many as half a message has room for.
func (s *stream) contenders(list []lock.Contender) []wire.Contender {
	room := s.door.limits.MaxFrameBytes / 2
	var made []wire.Contender
	for i := range list {
		c := &list[i]
		// The rest is numbers, tags and lengths; metadata has two lengths more for each pair.
		room -= 100 + len(c.Owner) + len(c.Value) + len(c.Reason) + len(c.Door) + len(c.Znode) + size(c.Metadata) + 12*len(c.Metadata)
		if room < 0 && i > 0 {
			break
		}
		made = append(made, contenderOf(c))
	}
	return made
}

// contenderOf describes one place in a queue, as everybody sees it.
func contenderOf(c *lock.Contender) wire.Contender {
	value := c.Value
	if value == c.Owner {
		value = "" // a foreign contender's data, which is told as its owner
	}
	return wire.Contender{
		Value: value, Priority: c.Priority,
		Token: int64(c.Token), Session: uint64(c.Session), State: stateOf(c.State), Position: int64(c.Position),
		Owner: c.Owner, Reason: c.Reason, Metadata: c.Metadata, Door: c.Door,
		EnqueuedMS: unixMillis(c.Enqueued), SinceMS: unixMillis(c.Since), Znode: c.Znode, Permits: int64(c.Permits),
		Mode: string(c.Mode), RestsUntilMS: unixMillis(c.RestsUntil),
		Ahead: int64(c.Position), ExpectedMS: c.ExpectedWait.Milliseconds(),
	}
}

func stateOf(s lock.State) wire.State {
	switch s {
	case lock.Held:
		return wire.Held
	case lock.Waiting:
		return wire.Waits
	case lock.Resting:
		return wire.Rests
	}
	return 0
}

func unixMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
