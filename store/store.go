// Package store replicates one tree of znodes, with its sessions and fences, over the quorum.
//
// # Writing
//
// The member that leads the quorum's raft is the writer. It judges all waiting requests in
// order and commits them as one etcd transaction, a batch. The other members forward their
// requests to it, and send them again when the writer changes: a change of leader is a pause,
// not an error. Every outcome, refusals included, is read from the log.
//
// # Reading
//
// Every member applies the log to its own tree and answers reads from it: sequentially
// consistent, and linearizable after [Store.Sync].
//
// # Order
//
// A member's answers and watch events come in the log's order. A watch event comes before
// anybody can read what it tells of, and before the answer of the request that caused it.
package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The defaults of [Config].
const (
	DefaultMaxInFlight    = 32768
	DefaultTouchRound     = 50 * time.Millisecond
	DefaultContainerCheck = 60 * time.Second
	DefaultMinFreeDisk    = 512 << 20
	tickEvery             = 100 * time.Millisecond
	forwardLimit          = 1024 // requests in one message
)

// A Config says how a store works. Quorum, Keeper and Link are needed; the rest has defaults.
type Config struct {
	Quorum   *quorum.Member
	Link     *Link // the one whose Register was given to the quorum
	Keeper   Keeper
	Observer Observer    // nil: nobody looks on
	Card     record.Card // tells others who this member is
	Logger   *slog.Logger

	// Confirmed is told each confirmed touch: it counts from sent, by [clock.Boot]. It must not
	// block, nor call the store. Nil: nobody wants to know.
	Confirmed func(id znode.SessionID, sent time.Duration)
	// Gap is called when the tree had to be rebuilt: doors cut their connections. Nil: nothing.
	Gap func()

	MaxInFlight    int           // requests of this member without an answer; more get ErrBusy
	TouchRound     time.Duration // how often touches are sent to the writer, at least
	EnforceQuota   bool          // refuse what a quota's hard limit forbids, where this member is the writer
	ContainerCheck time.Duration // how often empty containers and lapsed TTL znodes are reaped
	MinFreeDisk    uint64        // bytes; below, creates are refused
	MaxDatabase    int64         // bytes in use; above, creates are refused; 0: no bound
}

func (c *Config) fill() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = DefaultMaxInFlight
	}
	if c.TouchRound == 0 {
		c.TouchRound = DefaultTouchRound
	}
	if c.ContainerCheck == 0 {
		c.ContainerCheck = DefaultContainerCheck
	}
	if c.MinFreeDisk == 0 {
		c.MinFreeDisk = DefaultMinFreeDisk
	}
}

// A Store is one member's replica and its way to the writer. Its methods are safe for
// concurrent use.
type Store struct {
	cfg  Config
	log  *slog.Logger
	q    *quorum.Member
	self uint64
	rep  *replica

	ctx    context.Context // done when Close has been called
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // counts every goroutine of the store

	inbox     inbox
	revisions revisionQueue
	Stats     Stats

	mu        sync.Mutex // guards what follows; taken before rep.mu
	writer    *writer
	member    *member
	local     streamID // the stream to this member's own writer; 0: none
	links     map[streamID]*serverLink
	streams   streamID // the last one given
	flights   map[uint64]context.CancelFunc
	proposals chan proposal // to proposers that are idle
	urgent    bool          // touches are to be sent at once
	lastRound time.Duration // when the last round of touches was sent
	wake      chan struct{} // to the goroutine that sends over a remote stream
	ended     chan struct{} // closed when the member's stream has ended
	settling  bool
	spare     []action   // memory for the writer's actions
	taken     []*pending // memory for the inbox
	answers   []answer   // for callers of Do, not handed out yet
}

// New starts a store on q and returns when its tree shows what q's own log holds. The caller
// must Close it before the quorum.
func New(ctx context.Context, cfg Config) (*Store, error) {
	cfg.fill()
	s := &Store{
		cfg: cfg, log: cfg.Logger, q: cfg.Quorum, self: cfg.Quorum.ID(),
		rep:       newReplica(func() int64 { return time.Now().UnixMilli() }),
		links:     map[streamID]*serverLink{},
		flights:   map[uint64]context.CancelFunc{},
		proposals: make(chan proposal),
		wake:      make(chan struct{}, 1),
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.rep.observer = cfg.Observer
	s.writer = newWriter(s.self, s.rep, cfg.Keeper, newIdentity, rules.Out{})
	s.writer.enforceQuota = cfg.EnforceQuota
	s.member = newMember(s.self, newIncarnation(), rules.Out{})
	watch, err := s.rebuild(ctx)
	if err != nil {
		return nil, err
	}
	s.inbox.setRoom(cfg.MaxInFlight)
	s.inbox.quick.Store(true)
	cfg.Link.attach(s)
	s.wg.Go(func() { s.applyLoop(watch) })
	s.wg.Go(s.tickLoop)
	s.wg.Go(s.connectLoop)
	s.wg.Go(s.reapLoop)
	s.wg.Go(s.cardLoop)
	return s, nil
}

// Close ends the store: requests without an answer get ErrClosed or ErrUncertain. It waits for
// every goroutine of the store.
func (s *Store) Close() {
	s.cfg.Link.detach()
	s.cancel(ErrClosed)
	s.inbox.close()
	s.mu.Lock()
	s.writer.lead(clock.Boot(), false)
	s.settle(clock.Boot())
	for _, p := range s.member.outstanding {
		if !p.sent {
			p.done(znode.Outcome{}, ErrClosed)
			p.done = func(znode.Outcome, error) {}
		}
	}
	s.member.forget(ErrUncertain)
	s.answerCallers()
	s.mu.Unlock()
	s.revisions.close()
	s.wg.Wait()
}

// Do hands a request to the writer, and waits until this member's tree shows its outcome. A
// request of a session touches that session. r belongs to the store from then on.
//
// If ctx ends first, the error is ErrUnavailable where the request never left this member: it
// will not happen. Otherwise it is ErrUncertain: it may have happened, or may happen still.
// Over the member's limit the error is ErrBusy at once. A refusal is an Outcome, not an error;
// [znode.ErrTooLarge] is one that needs no writer.
func (s *Store) Do(ctx context.Context, r *znode.Request) (znode.Outcome, error) {
	return s.DoLate(ctx, r, nil)
}

// DoLate is Do for callers who must clean up after a request whose outcome they did not wait
// for: if the error is ErrUncertain, late is called once, with the outcome or an error when that can
// never be known. It is called from inside the apply loop or from inside DoLate, and must not block
// nor call the store.
func (s *Store) DoLate(ctx context.Context, r *znode.Request, late func(znode.Outcome, error)) (znode.Outcome, error) {
	got := make(chan answer, 1)
	p, err := s.submit(r, func(o znode.Outcome, err error) { s.answers = append(s.answers, answer{got, o, err}) })
	if err != nil {
		return znode.Outcome{}, err
	}
	select {
	case a := <-got:
		return a.known(late)
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.takeIn()
	gone := s.member.withdraw(p)
	var came *answer
	select {
	case a := <-got: // it came in the same moment
		came = &a
	default:
		if late != nil {
			p.done = late
		}
	}
	s.mu.Unlock()
	if came != nil {
		return came.known(late)
	}
	if gone {
		return znode.Outcome{}, errors.Join(ErrUnavailable, context.Cause(ctx))
	}
	return znode.Outcome{}, errors.Join(ErrUncertain, context.Cause(ctx))
}

// known returns an answer. What is lost in a gap of the log is late's at once: no more will be heard
// of it.
func (a *answer) known(late func(znode.Outcome, error)) (znode.Outcome, error) {
	if late != nil && errors.Is(a.err, ErrUncertain) {
		late(a.outcome, a.err)
	}
	return a.outcome, a.err
}

// Pass sends a request that does nothing. Requests of a member happen in their order: when it is
// answered, what was sent before is in the log or never will be. It ends as Do does.
func (s *Store) Pass(ctx context.Context) error {
	_, err := s.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpCheck, Path: "/", Version: -1}}})
	return err
}

// Start is Do without waiting: done is called once, from inside the apply loop or, for a request
// that is too large for any log, from inside Start, and must not block nor call the store. If
// Start returns an error, done is not called.
func (s *Store) Start(r *znode.Request, done func(znode.Outcome, error)) error {
	_, err := s.submit(r, done)
	return err
}

// Touch notes that a session was heard from; the writer learns of it with the next round, or
// at once when now is set. Whether the touch is confirmed, Config.Confirmed is told.
func (s *Store) Touch(id znode.SessionID, now bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member.touch(id)
	if now {
		s.urgent = true
		s.settle(clock.Boot())
	}
}

// View calls fn with the tree and its revision. Nothing changes while fn runs, so it must be
// short; it must not keep what it was given, nor call the store.
func (s *Store) View(fn func(t *znode.Tree, revision int64)) {
	s.rep.mu.RLock()
	defer s.rep.mu.RUnlock()
	fn(s.rep.tree, s.rep.at.Revision)
}

// Watches calls fn with the tree and its watches, locked: nothing else sees or changes them
// meanwhile. fn must be short and must not call the store.
func (s *Store) Watches(fn func(t *znode.Tree, w *znode.Watches, revision int64)) {
	s.rep.mu.Lock()
	defer s.rep.mu.Unlock()
	fn(s.rep.tree, s.rep.watches, s.rep.at.Revision)
}
