package sdk

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// A Session is what holds locks: all of its holds live as long as it does. The client keeps it
// alive, over reconnections and at whatever member, until Close is called or it is lost. Its
// methods are safe for concurrent use.
type Session struct {
	life
	client *Client
	cfg    sessionConfig
	number uint64 // the client's own, in the order of opening

	id       atomic.Uint64 // 0 until it is open
	ttl      atomic.Int64  // granted
	deadline atomic.Int64  // by the client's clock; 0 until it is open
	renewed  atomic.Int64  // the sending of the last renewal that was answered, by the client's clock

	opened chan struct{} // closed when it is open, or over

	// Guarded by client.mu.
	phase     sessionPhase
	requestID string        // of the open
	attached  time.Duration // when it was attached to the stream
	moved     int           // how often another stream has taken it since the last renewal
	parked    []*call       // until it is attached
	acquiring int           // requests under way that may end in a hold
	holds     map[holdKey]*Hold
	reentries map[reentryKey]*reentry
	early     map[holdKey]*LostError // losses that came before the answer that tells of the hold
	asked     map[holdKey]Contender  // likewise, who asks a leader to hand over
}

// A sessionPhase says how a session stands to the stream.
type sessionPhase int

const (
	sessionDetached  sessionPhase = iota // to be opened, or attached, as soon as there is a stream
	sessionAttaching                     // asked for
	sessionAttached
	sessionOver
)

// A SessionOption changes one session. A bad one is an error of OpenSession.
type SessionOption func(*sessionConfig)

type sessionConfig struct {
	ttl    time.Duration
	labels map[string]string
}

func (c *sessionConfig) validate() error {
	if c.ttl <= 0 {
		return &InputError{Field: "TTL", Problem: fmt.Sprintf("%v is not above 0", c.ttl), Fix: "leave the option out for the default"}
	}
	return nil
}

// WithSessionTTL is [WithTTL] for one session.
func WithSessionTTL(d time.Duration) SessionOption { return func(c *sessionConfig) { c.ttl = d } }

// WithSessionLabels is [WithLabels] for one session.
func WithSessionLabels(labels map[string]string) SessionOption {
	return func(c *sessionConfig) { c.labels = labels }
}

// ID returns the session's id, 0 where it is not open yet.
func (s *Session) ID() SessionID { return SessionID(s.id.Load()) }

// TTL returns the TTL that the service has granted, 0 where the session is not open yet.
func (s *Session) TTL() time.Duration { return time.Duration(s.ttl.Load()) }

// Mutex returns the lock of that name, to be held by this session. It asks nobody.
func (s *Session) Mutex(name string, opts ...LockOption) *Mutex {
	return newMutex(s.client, s, name, ofMutex, opts)
}

// Semaphore returns the semaphore of that name, whose permits are to be held by this session. It
// asks nobody.
func (s *Session) Semaphore(name string, opts ...LockOption) *Semaphore {
	return &Semaphore{mutex: newMutex(s.client, s, name, ofSemaphore, opts)}
}

// Context returns a context that ends when the session is over, with the cause: as that of a
// [Hold].
func (s *Session) Context() context.Context { return s.context() }

// Lost returns a channel that is closed when the session is lost; Close does not close it.
func (s *Session) Lost() <-chan struct{} { return s.lostChannel() }

// Err returns nil while the session lives, or is still to be opened, and then why it does not: an
// error that matches [ErrSessionLost], or else [ErrReleased]. It looks at the clock.
func (s *Session) Err() error {
	s.look()
	return s.ended()
}

// Deadline returns when the session will end if nothing more is heard of the service, by the wall
// clock of now. Renewals move it on. It is the zero time before the session is open, and after its end.
func (s *Session) Deadline() time.Time {
	if s.Err() != nil {
		return time.Time{}
	}
	return s.client.wallTime(time.Duration(s.deadline.Load()))
}

// Close ends the session, and first the contexts of all its holds, which it thereby releases. It
// waits for the answer until ctx ends: then the error matches [ErrUncertain], and the session will
// end at the latest when its TTL is over. A session that was lost before returns why.
func (s *Session) Close(ctx context.Context) error { return s.client.closeSession(ctx, s) }

// lookNow ends the session where its time is over by the client's clock. It is the life's look.
func (s *Session) lookNow() {
	if d := s.deadline.Load(); d != 0 && int64(s.client.cfg.clock()) >= d {
		s.end(&LostError{Session: s.ID(), Whole: true, Cause: CauseExpired})
	}
}

// overdue reports whether a renewal should have been answered by now. Renewals leave every third
// of the TTL.
func (s *Session) overdue() bool {
	return int64(s.client.cfg.clock()) > s.renewed.Load()+s.ttl.Load()/2
}
