package sdk

import (
	"context"
	"fmt"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// An Election is one by its name: of all that campaign for it one leads at a time, in the order of
// their coming. It costs nothing until it is asked. Its methods are safe for concurrent use.
//
// A term is a lock that is held. Whoever does things in the world as the leader must send the
// term's token along, as with a lock.
type Election struct {
	mutex *Mutex // by which terms are taken
}

// Election returns the election of that name, whose terms are the client's own session's. It asks
// nobody. Options of locks are for terms, too, but for [WithReentrant] and [WithLockDelay];
// [WithPriority], [WithCompatLatch] and [WithoutHandOver] are for elections only.
func (c *Client) Election(name string, opts ...LockOption) *Election {
	return &Election{newMutex(c, nil, name, ofElection, opts)}
}

// Election is [Client.Election] for terms of this session.
func (s *Session) Election(name string, opts ...LockOption) *Election {
	return &Election{newMutex(s.client, s, name, ofElection, opts)}
}

// WithPriority gives the candidates of an [Election] a priority, 0 to 1,000,000; the default is 0.
// One who waits with a higher priority than the leader's has the leader asked to hand over. It
// gets nothing by itself: candidates lead first come, first served.
func WithPriority(priority int) LockOption {
	return func(c *lockConfig) {
		c.given |= priorityOption
		if c.priority = priority; priority < 0 || priority > 1_000_000 {
			c.bad = &InputError{Field: "Priority", Problem: fmt.Sprintf("%d is not between 0 and 1000000", priority), Fix: "leave the option out for the lowest, 0"}
		}
	}
}

// WithCompatLatch makes an [Election] one that Curator's LeaderLatch takes part in. Without it those of
// Curator's LeaderSelector and of kazoo do; no client of ZooKeeper sees both.
func WithCompatLatch() LockOption {
	return func(c *lockConfig) { c.compat, c.given = compatLatch, c.given|compatLatchOption }
}

// compatLatch is what the stream calls it.
const compatLatch = "latch"

// WithoutHandOver has [Election.Run] keep its term when a candidate of higher priority waits.
func WithoutHandOver() LockOption {
	return func(c *lockConfig) { c.keepTerm, c.given = true, c.given|handOverOption }
}

// Name returns the election's name.
func (e *Election) Name() string { return e.mutex.name }

// Campaign waits until this candidate leads, and returns its term. value is what it says to
// everybody who looks: its address, for example; up to 8 KiB. If ctx ends first, the place among the
// candidates is given up; should the term have begun meanwhile, it is resigned in the background.
// Otherwise it is as [Mutex.Lock], with its errors.
func (e *Election) Campaign(ctx context.Context, value string) (*Term, error) {
	return e.campaign(ctx, value, -1)
}

// TryCampaign is Campaign where nobody leads; else the error is a [*HeldError].
func (e *Election) TryCampaign(ctx context.Context, value string) (*Term, error) {
	return e.campaign(ctx, value, 0)
}

func (e *Election) campaign(ctx context.Context, value string, wait int64) (*Term, error) {
	t, err := renewing(ctx, e.mutex.session, func() (*Term, error) { return e.stand(ctx, value, wait) })
	if err != nil {
		return nil, fmt.Errorf("campaign for %q: %w", e.mutex.name, err)
	}
	return t, nil
}

func (e *Election) stand(ctx context.Context, value string, wait int64) (*Term, error) {
	m := e.mutex
	k, err := m.request(wire.Campaign, wait)
	if err != nil {
		return nil, err
	}
	// Who leads is what the value says. With nothing else said, ZooKeeper's clients read it as it is.
	k.frame.Owner, k.frame.Value, k.frame.Priority = m.cfg.owner, value, int64(m.cfg.priority)
	h, err := m.client.wait(ctx, k)
	if err != nil {
		return nil, err
	}
	t := &Term{hold: h}
	t.value.Store(&value)
	return t, nil
}

// Leader returns who leads, as of a moment between the call and its return. The error matches
// [ErrNoLeader] where nobody does.
func (e *Election) Leader(ctx context.Context) (Contender, error) {
	q, err := e.ask(ctx, 1)
	if err != nil {
		return Contender{}, err
	}
	leader, ok := q.Holder()
	if !ok {
		return Contender{}, fmt.Errorf("leader of %q: %w", e.mutex.name, ErrNoLeader)
	}
	return leader, nil
}

// Candidates returns who leads, first, and those who wait, in their order: up to [QueueLimit].
func (e *Election) Candidates(ctx context.Context) (Queue, error) { return e.ask(ctx, QueueLimit) }

func (e *Election) ask(ctx context.Context, limit int64) (Queue, error) {
	c := e.mutex.client
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.Limit = wire.Candidates, e.mutex.name, limit
	answer, err := c.ask(ctx, k)
	if err != nil {
		return Queue{}, fmt.Errorf("look at the candidates of %q: %w", e.mutex.name, err)
	}
	return queueOf(e.mutex.name, answer), nil
}
