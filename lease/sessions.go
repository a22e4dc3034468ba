package lease

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/lease/deadline"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// ErrTooManySessions is returned when the limit on sessions is reached.
var ErrTooManySessions = errors.New("too many sessions")

// DefaultMaxSessions is how many sessions there may be when the Config does not say.
const DefaultMaxSessions = 1_000_000

// A Config says what a Sessions allows. The zero Config allows the defaults.
type Config struct {
	MinTTL, MaxTTL time.Duration // granted TTLs lie between them; 0: MinTTL and MaxTTL
	MaxSessions    int           // in the whole cluster; 0: DefaultMaxSessions
}

// A Sessions opens, touches, moves and closes sessions through one member. Its methods are
// safe for concurrent use.
type Sessions struct {
	cfg   Config
	store *store.Store
	// Deadlines decides for the writer which sessions are overdue; the store's Keeper.
	Deadlines *deadline.Set
	Stats     Stats

	mu      sync.Mutex
	waiting map[ID][]*touchWaiter // who waits for a confirmed touch
	ended   obituaries

	followers []Follower
}

// A touchWaiter waits for a touch that was sent at or after from.
type touchWaiter struct {
	from time.Duration
	got  chan touchAnswer // a slot for each session that it waits for
}

type touchAnswer struct {
	id    ID
	sent  time.Duration
	cause Cause // not empty: the session is over
}

// New returns a Sessions that Bind must be called on before anything else.
func New(cfg Config) *Sessions {
	if cfg.MinTTL == 0 {
		cfg.MinTTL = MinTTL
	}
	if cfg.MaxTTL == 0 {
		cfg.MaxTTL = MaxTTL
	}
	if cfg.MaxSessions == 0 {
		cfg.MaxSessions = DefaultMaxSessions
	}
	s := &Sessions{cfg: cfg, Deadlines: deadline.New(rules.Out{}), waiting: map[ID][]*touchWaiter{}}
	s.Deadlines.Late = s.Stats.late
	return s
}

// Bind says which store the sessions live in: the one that was made with s.Deadlines,
// s.Confirmed and s.Changed.
func (s *Sessions) Bind(st *store.Store) { s.store = st }

// Grant returns the TTL that is granted when ttl is asked for.
func (s *Sessions) Grant(ttl time.Duration) (time.Duration, error) {
	switch {
	case ttl < 0:
		return 0, &InputError{Field: "ttl", Problem: ttl.String() + " is negative", Fix: "ask for at least " + s.cfg.MinTTL.String()}
	case ttl == 0:
		ttl = DefaultTTL
	}
	return min(max(ttl, s.cfg.MinTTL), s.cfg.MaxTTL), nil
}

// Record returns the record of a session to be opened. A request id gives the same session id
// each time, and none without the cluster's secret: nobody can guess another's.
func (s *Sessions) Record(ctx context.Context, o Options) (znode.Session, error) {
	ttl, err := s.Grant(o.TTL)
	if err != nil {
		return znode.Session{}, err
	}
	record := znode.Session{TTL: ttl, OneShot: o.OneShot, Labels: o.Labels, Owner: o.Owner}
	if o.RequestID == "" {
		var b [8]byte
		rand.Read(b[:]) // never fails, by its documentation
		record.ID = toID(b[:])
		return record, nil
	}
	identity, err := s.store.AwaitIdentity(ctx)
	if err != nil {
		return znode.Session{}, err
	}
	mac := hmac.New(sha256.New, identity.Secret[:])
	mac.Write([]byte("session\x00" + o.RequestID))
	record.ID = toID(mac.Sum(nil))
	return record, nil
}

// toID makes a positive id below 2^62 of 8 bytes.
func toID(b []byte) ID { return ID(binary.BigEndian.Uint64(b)>>2 | 1) }

// Open opens a session. Its first touch is the request itself. A repeated request with an Owner
// attaches the session anew: the generation is in the answer.
func (s *Sessions) Open(ctx context.Context, o Options) (Touched, error) {
	record, err := s.Record(ctx, o)
	if err != nil {
		return Touched{}, err
	}
	if err := s.Room(); err != nil {
		return Touched{}, err
	}
	sent := clock.Boot()
	out, err := s.store.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpOpen, Session: record}}})
	if err != nil {
		return Touched{}, err
	}
	switch out.Code {
	case znode.OK:
		s.Stats.opened.Add(1)
		record = out.Results[0].Session
		return s.touched(view(&record), sent, out.Revision), nil
	case znode.ErrSessionExists: // the request is a repeated one
		if o.Owner != (znode.Owner{}) {
			return s.Attach(ctx, record.ID, o.Owner.Member, 0)
		}
		return s.Touch(ctx, record.ID, 0)
	}
	return Touched{}, out.Code
}

// Room reports ErrTooManySessions when the limit is reached.
func (s *Sessions) Room() error {
	n := 0
	s.store.View(func(t *znode.Tree, _ int64) { n = t.NumSessions() })
	if n >= s.cfg.MaxSessions {
		return ErrTooManySessions
	}
	return nil
}

func (s *Sessions) touched(session Session, sent time.Duration, revision int64) Touched {
	return Touched{Session: session, Deadline: Deadline(sent, session.TTL), Revision: revision}
}

// Deadline turns a touch's sending, by [clock.Boot], into the time that its session cannot end
// before, by this member's wall clock.
func Deadline(sent, ttl time.Duration) time.Time {
	return time.Now().Add(sent + ttl - clock.Boot())
}

func view(r *znode.Session) Session {
	return Session{ID: r.ID, TTL: r.TTL, Labels: r.Labels, OneShot: r.OneShot, Opened: time.UnixMilli(r.Opened), Owner: r.Owner}
}

// Get returns a session. Its error is a [*LostError] when there is none.
func (s *Sessions) Get(ctx context.Context, id ID, fresh store.Read) (Session, int64, error) {
	if err := s.store.Fresh(ctx, fresh); err != nil {
		return Session{}, 0, err
	}
	session, revision, ok := s.Look(id)
	if !ok {
		return Session{}, revision, s.Lost(id)
	}
	return session, revision, nil
}

// Look returns a session as this member's tree has it, without waiting.
func (s *Sessions) Look(id ID) (session Session, revision int64, ok bool) {
	s.store.View(func(t *znode.Tree, rev int64) {
		revision = rev
		var r *znode.Session
		if r, ok = t.Session(id); ok {
			session = view(r)
		}
	})
	return session, revision, ok
}

// List returns up to limit sessions with ids above after, in the order of their ids, and the id
// to go on after, 0 at the end.
func (s *Sessions) List(ctx context.Context, after ID, limit int, fresh store.Read) (list []Session, next ID, revision int64, err error) {
	if err := s.store.Fresh(ctx, fresh); err != nil {
		return nil, 0, 0, err
	}
	var ids []ID
	s.store.View(func(t *znode.Tree, rev int64) {
		revision = rev
		for r := range t.Sessions() {
			if r.ID > after {
				ids = append(ids, r.ID)
			}
		}
	})
	slices.Sort(ids)
	if len(ids) > limit {
		ids, next = ids[:limit], ids[limit-1]
	}
	s.store.View(func(t *znode.Tree, _ int64) {
		for _, id := range ids {
			if r, ok := t.Session(id); ok {
				list = append(list, view(r))
			}
		}
	})
	return list, next, revision, nil
}

// Close ends a session, and with it all it holds. owner, if not zero, must be the connection that
// it is attached to, else the error is [znode.ErrSessionMoved]. It is a [*LostError] when the
// session had ended before.
func (s *Sessions) Close(ctx context.Context, id ID, owner znode.Owner) (revision int64, err error) {
	out, err := s.store.Do(ctx, &znode.Request{Session: id, Owner: owner, Ops: []znode.Op{{Kind: znode.OpClose}}})
	if err != nil {
		return 0, err
	}
	if out.Code == znode.ErrSessionExpired {
		return out.Revision, s.Lost(id)
	}
	if out.Code != znode.OK {
		return out.Revision, out.Code
	}
	return out.Revision, nil
}

// Move attaches a session to a connection of this member and returns the new generation. From
// then on, what names an older generation is refused. ttl, if not 0, is granted anew.
func (s *Sessions) Move(ctx context.Context, id ID, owner znode.Owner, ttl time.Duration) (Session, error) {
	if ttl != 0 {
		var err error
		if ttl, err = s.Grant(ttl); err != nil {
			return Session{}, err
		}
	}
	out, err := s.store.Do(ctx, &znode.Request{Session: id, Ops: []znode.Op{{
		Kind: znode.OpMove, Session: znode.Session{ID: id, Owner: owner, TTL: ttl},
	}}})
	switch {
	case err != nil:
		return Session{}, err
	case out.Code == znode.ErrSessionExpired:
		return Session{}, s.Lost(id)
	case out.Code != znode.OK:
		return Session{}, out.Code
	}
	return view(&out.Results[0].Session), nil
}
