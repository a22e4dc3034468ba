package sdk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A DoubleBarrier lets its participants go on when enough of them have entered, and again when all
// have left. A DoubleBarrier is one participant at a time, which belongs to a session: when that ends,
// it is out. Its methods are safe for concurrent use.
type DoubleBarrier struct {
	client  *Client
	session *Session // nil: the client's own
	name    string
	count   int

	mu     sync.Mutex // guards what follows
	inside *participation
}

// A participation is a participant from its Enter to its Leave.
type participation struct {
	session *Session
	id      string
}

// DoubleBarrier returns the double barrier of that name, to be entered by the client's own session;
// n participants open it. It asks nobody. Apache Curator's DistributedDoubleBarrier at the path
// "/"+name is the same barrier, and so is kazoo's DoubleBarrier for whoever enters.
func (c *Client) DoubleBarrier(name string, n int) *DoubleBarrier {
	return &DoubleBarrier{client: c, name: name, count: n}
}

// DoubleBarrier returns the double barrier of that name, to be entered by this session; n
// participants open it. It asks nobody.
func (s *Session) DoubleBarrier(name string, n int) *DoubleBarrier {
	return &DoubleBarrier{client: s.client, session: s, name: name, count: n}
}

// Name returns the barrier's name.
func (b *DoubleBarrier) Name() string { return b.name }

// Enter enters the barrier, and returns once n participants are there. At a barrier that is open it
// returns at once. If ctx ends first it returns ctx's cause and the participant is taken back.
//
// The error is a [*BarrierCountError] where the others wait for another number, an [*InputError]
// where n is not above 0 or this participant is inside already, and matches [ErrSessionLost] where the
// session ended first.
func (b *DoubleBarrier) Enter(ctx context.Context) error {
	if err := b.enter(ctx); err != nil {
		return fmt.Errorf("enter double barrier %q: %w", b.name, err)
	}
	return nil
}

func (b *DoubleBarrier) enter(ctx context.Context) error {
	if b.count <= 0 {
		return &InputError{Field: "n", Problem: fmt.Sprintf("is %d", b.count), Fix: "say how many participants open the barrier, at least 1"}
	}
	s := b.session
	if s == nil {
		s = b.client.Session()
	}
	k := b.client.newCall(s)
	f := &k.frame
	f.Kind, f.Name, f.Count, f.WaitMS, f.Owner = wire.Enter, b.name, int64(b.count), -1, b.client.cfg.owner
	b.mu.Lock()
	if b.inside != nil && b.inside.session.Err() == nil {
		b.mu.Unlock()
		return &InputError{Field: "participant", Problem: "is inside, or about to enter", Fix: "leave first, or use a DoubleBarrier for each participant"}
	}
	p := &participation{session: s, id: rand.Text()} // nobody else can guess it
	b.inside = p
	b.mu.Unlock()
	f.Participant = p.id
	_, err := b.client.stay(ctx, k)
	if err != nil {
		b.mu.Lock()
		if b.inside == p {
			b.inside = nil
		}
		b.mu.Unlock()
	}
	return err
}

// Leave leaves the barrier, and returns once all participants have left. If ctx ends first it returns
// ctx's cause; the participant is out, or will be as soon as a member can be reached or its session
// has ended. The error matches [ErrNotHeld] where this participant is not inside, and [ErrSessionLost]
// where its session has ended: then it is out.
func (b *DoubleBarrier) Leave(ctx context.Context) error {
	if err := b.leave(ctx); err != nil {
		return fmt.Errorf("leave double barrier %q: %w", b.name, err)
	}
	return nil
}

func (b *DoubleBarrier) leave(ctx context.Context) error {
	b.mu.Lock()
	p := b.inside
	b.mu.Unlock()
	if p == nil {
		return fmt.Errorf("this participant is not inside: %w", ErrNotHeld)
	}
	k := b.client.newCall(p.session)
	k.frame.Kind, k.frame.Name, k.frame.Participant, k.frame.WaitMS = wire.Exit, b.name, p.id, -1
	_, err := b.client.stay(ctx, k)
	if err != nil && errors.Is(err, context.Cause(ctx)) {
		b.client.exitLater(p, b.name) // nobody waits; it leaves all the same
	}
	// Whatever the outcome, it is on its way out.
	if !errors.Is(err, ErrTooManyRequests) {
		b.mu.Lock()
		if b.inside == p {
			b.inside = nil
		}
		b.mu.Unlock()
	}
	return err
}

// exitLater takes a participant out, and does not wait.
func (c *Client) exitLater(p *participation, name string) {
	k := c.newCall(p.session)
	k.frame.Kind, k.frame.Name, k.frame.Participant = wire.Exit, name, p.id
	k.settle = func(*wire.Frame, error) {}
	if err := c.submit(k); err != nil {
		c.cfg.log.Warn("a participant is at its double barrier until its session ends", "barrier", name, "err", err)
	}
}

// Gathering returns who is at the barrier. It sees every Enter and Leave that had returned.
func (b *DoubleBarrier) Gathering(ctx context.Context) (Gathering, error) {
	k := b.client.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.Limit = wire.Barrier, b.name, QueueLimit
	answer, err := b.client.ask(ctx, k)
	if err != nil {
		return Gathering{}, fmt.Errorf("look at double barrier %q: %w", b.name, err)
	}
	g := Gathering{Name: b.name, Open: !answer.Closed, Count: int(answer.Count), Total: int(answer.Total), Revision: answer.Revision}
	for i := range answer.Contenders {
		c := &answer.Contenders[i]
		g.Participants = append(g.Participants, Participant{
			ID: c.Znode, Session: SessionID(c.Session), Owner: c.Owner, Door: c.Door, Since: millis(c.EnqueuedMS),
		})
	}
	return g, nil
}
