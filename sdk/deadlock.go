package sdk

import (
	"context"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A DeadlockMode says what becomes of a wait that would close a cycle of waits: this program waits
// for somebody who, through however many others, waits for it.
type DeadlockMode string

// The modes.
const (
	// DeadlockRefuse has the request leave the queue at once: Lock, Enqueue and a wait that has to
	// begin return a [*DeadlockError]. Of several who close a cycle together one is refused.
	DeadlockRefuse DeadlockMode = "refuse"
	// DeadlockReport lets it wait. The member tells of a cycle that lasts in its log, its metrics
	// and its events.
	DeadlockReport DeadlockMode = "report"
)

// WithDeadlock says what becomes of this lock's waits that would close a cycle.
//
// The service takes the contenders of one session that name the same owner for one program's, which
// gets on only when it has all that it waits for. The sessions of this package are shared by
// goroutines, and the goroutines by a client's owner: what one of them holds another may wait for.
// So the default is [DeadlockReport], but for locks that have an owner of their own, by
// [WithLockOwner]: for these it is [DeadlockRefuse]. [WithOwner] does not change the default: it names
// the whole client.
//
// The mode is of this program's own requests. Another program that waits for one goroutine, while
// another goroutine waits for it, may be refused for a cycle that is none. Give an owner to each
// goroutine that takes locks while others do; or say WithDeadlock(DeadlockRefuse) where a session is
// used by one goroutine only.
//
// It is for locks and elections: a wait for permits closes no cycle.
func WithDeadlock(mode DeadlockMode) LockOption {
	return func(c *lockConfig) {
		c.given |= deadlockOption
		if c.deadlock = mode; mode != DeadlockRefuse && mode != DeadlockReport {
			c.bad = &InputError{Field: "Deadlock", Problem: fmt.Sprintf("is %.20q", string(mode)), Fix: "use DeadlockRefuse or DeadlockReport"}
		}
	}
}

// deadlockMode is what a request says.
func (c *lockConfig) deadlockMode() string {
	switch {
	case c.deadlock != "":
		return string(c.deadlock)
	case c.owner != "":
		return string(DeadlockRefuse)
	}
	return string(DeadlockReport)
}

// A Stand is how somebody stands to one lock. The zero Stand is none.
type Stand struct {
	Name  string
	Token Token
	Holds bool      // false: it stands in the queue
	Since time.Time // when it began to hold or, as far as it is known, to wait; by the service's clock
}

// A Link is one actor of a cycle or a chain of waits: a session and the owner that it names.
type Link struct {
	Session SessionID // 0: a contender that is no session's
	Owner   string
	Door    string // "rest", "stream", "zookeeper", or ""
	Holds   Stand  // what the link before waits for; zero at the start of a chain
	Waits   Stand  // what it waits for itself; zero at the end of a chain
}

// Who returns the link's owner or, where it has not said, its session.
func (k *Link) Who() string {
	if k.Owner != "" {
		return k.Owner
	}
	return "session " + k.Session.String()
}

// A DeadlockError tells the cycle that a request would have closed. It matches [ErrDeadlock]. What
// the program holds it still holds: to let go of it, and to begin again, is what helps the others.
type DeadlockError struct {
	Name  string
	Cycle []Link // the first is the request's own; the last waits for what that one holds
	text  string
}

func (e *DeadlockError) Error() string {
	if e.text == "" {
		return fmt.Sprintf("waiting for lock %q would never end", e.Name)
	}
	return e.text
}

// Is reports whether target is [ErrDeadlock].
func (e *DeadlockError) Is(target error) bool { return target == ErrDeadlock }

// A Deadlock is a cycle of actors who wait for each other.
type Deadlock struct {
	Links  []Link    // each waits for the next, the last for the first
	Actors int       // who wait for each other in all; the links are some of them
	Since  time.Time // when the last of the links' waits began
}

// DeadlockList are the cycles at one moment.
type DeadlockList struct {
	Cycles   []Deadlock
	Total    int  // of cycles; Cycles may be cut
	Complete bool // false: the search ended at its limit, and there may be more
	Revision int64
}

// deadlockLimit is how many cycles [Client.Deadlocks] asks for.
const deadlockLimit = 100

// Deadlocks returns the cycles of waits that there are, those of other clients and other doors
// included. It waits for the answer until ctx ends.
func (c *Client) Deadlocks(ctx context.Context) (DeadlockList, error) {
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Limit = wire.Deadlocks, deadlockLimit
	answer, err := c.ask(ctx, k)
	if err != nil {
		return DeadlockList{}, fmt.Errorf("look for deadlocks: %w", err)
	}
	d := DeadlockList{Total: int(answer.Total), Complete: answer.Limit == 0, Revision: answer.Revision}
	last := int64(0)
	for i := range answer.Links {
		f := &answer.Links[i]
		if f.Cycle != last {
			d.Cycles = append(d.Cycles, Deadlock{Actors: int(f.Actors)})
			last = f.Cycle
		}
		if len(d.Cycles) == 0 {
			continue // a link of no cycle
		}
		cycle := &d.Cycles[len(d.Cycles)-1]
		k := linkOf(f)
		cycle.Links = append(cycle.Links, k)
		if k.Waits.Since.After(cycle.Since) {
			cycle.Since = k.Waits.Since
		}
	}
	return d, nil
}

// A Chain tells who blocks whom.
type Chain struct {
	Name     string
	Links    []Link // each waits for the next; empty: the lock is free
	Cycle    bool   // the last link is one of the others: nobody gets on
	Complete bool   // false: the search ended at its limit, and the chain may go on
	Revision int64
}

// Blockers tells who keeps the client's own session from the lock called name, through any chain:
// whom it waits for, whom that one waits for, and so on. Where the session does not wait for the
// lock, the chain begins with who holds it.
func (c *Client) Blockers(ctx context.Context, name string) (Chain, error) {
	return c.blockers(ctx, name, c.Session().ID(), "")
}

// Blockers tells who keeps the ticket's place from its lock, through any chain. The error matches
// [ErrNoTicket] where the place is gone.
func (t *Ticket) Blockers(ctx context.Context) (Chain, error) {
	return t.mutex.client.blockers(ctx, t.mutex.name, 0, t.text)
}

func (c *Client) blockers(ctx context.Context, name string, session SessionID, ticket string) (Chain, error) {
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.Session, k.frame.Ticket = wire.Blockers, name, uint64(session), ticket
	answer, err := c.ask(ctx, k)
	if err != nil {
		return Chain{}, fmt.Errorf("look who blocks %q: %w", name, err)
	}
	chain := Chain{Name: name, Links: links(answer.Links), Complete: answer.Limit == 0, Revision: answer.Revision}
	if n := len(answer.Links); n > 0 {
		chain.Cycle = answer.Links[n-1].Closes
	}
	return chain, nil
}

func links(list []wire.Link) (made []Link) {
	for i := range list {
		made = append(made, linkOf(&list[i]))
	}
	return made
}

func linkOf(f *wire.Link) Link {
	k := Link{Session: SessionID(f.Session), Owner: f.Owner, Door: f.Door}
	if f.Holds != "" {
		k.Holds = Stand{Name: f.Holds, Token: Token(f.HoldsToken), Holds: f.HoldsState == wire.Held, Since: millis(f.HoldsSinceMS)}
	}
	if f.Waits != "" {
		k.Waits = Stand{Name: f.Waits, Token: Token(f.WaitsToken), Since: millis(f.WaitsSinceMS)}
	}
	return k
}
