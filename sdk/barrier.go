package sdk

import (
	"context"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A Barrier holds back whoever waits at it while it is closed. It belongs to nobody: it stays closed
// until somebody removes it. Its methods are safe for concurrent use.
type Barrier struct {
	client *Client
	name   string
}

// Barrier returns the barrier of that name. It asks nobody. Apache Curator's DistributedBarrier and
// kazoo's Barrier at the path "/"+name are the same barrier.
func (c *Client) Barrier(name string) *Barrier { return &Barrier{client: c, name: name} }

// Name returns the barrier's name.
func (b *Barrier) Name() string { return b.name }

// Set closes the barrier; one that is closed already stays so. If ctx ends first the error matches
// [ErrUncertain]. It matches [ErrNotABarrier] where the name is in other use. Safe to repeat.
func (b *Barrier) Set(ctx context.Context) error { return b.change(ctx, wire.SetBarrier, "close") }

// Remove opens the barrier, and lets everybody go who waits at it; one that is open stays so. Its
// errors are those of Set. Safe to repeat.
func (b *Barrier) Remove(ctx context.Context) error { return b.change(ctx, wire.RemoveBarrier, "open") }

func (b *Barrier) change(ctx context.Context, kind wire.Kind, verb string) error {
	k := b.client.newCall(nil)
	k.frame.Kind, k.frame.Name = kind, b.name
	if kind == wire.SetBarrier {
		k.frame.Owner = b.client.cfg.owner
	}
	_, err := b.client.ask(ctx, k)
	if err = unsure(ctx, err); err != nil {
		return fmt.Errorf("%s barrier %q: %w", verb, b.name, err)
	}
	return nil
}

// Wait waits until the barrier is open, over reconnections. It sees every Set that had returned. If
// ctx ends first it returns ctx's cause.
func (b *Barrier) Wait(ctx context.Context) error {
	k := b.client.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.WaitMS = wire.AwaitBarrier, b.name, -1
	if _, err := b.client.stay(ctx, k); err != nil {
		return fmt.Errorf("wait at barrier %q: %w", b.name, err)
	}
	return nil
}

// Closed reports whether the barrier is closed. It sees every Set and Remove that had returned.
func (b *Barrier) Closed(ctx context.Context) (bool, error) {
	k := b.client.newCall(nil)
	k.frame.Kind, k.frame.Name = wire.Barrier, b.name
	answer, err := b.client.ask(ctx, k)
	if err != nil {
		return false, fmt.Errorf("look at barrier %q: %w", b.name, err)
	}
	return answer.Closed, nil
}

// A BarrierCountError says for how many others wait at a double barrier. It matches
// [ErrBarrierCount].
type BarrierCountError struct {
	Name   string
	Others int
}

func (e *BarrierCountError) Error() string {
	return fmt.Sprintf("double barrier %q is to open for %d participants", e.Name, e.Others)
}

// Is reports whether target is [ErrBarrierCount].
func (e *BarrierCountError) Is(target error) bool { return target == ErrBarrierCount }

// A Gathering is a double barrier at one moment.
type Gathering struct {
	Name         string
	Open         bool
	Count        int // for how many it opens; 0 where nobody has said
	Participants []Participant
	Total        int   // of the participants; the list has the first [QueueLimit]
	Revision     int64 // of the service's tree, which grows with every change
}

// A Participant is one of those at a double barrier, of whatever client.
type Participant struct {
	ID      string
	Session SessionID
	Owner   string
	Door    string    // "rest", "stream" or "zookeeper"
	Since   time.Time // by the service's clock
}
