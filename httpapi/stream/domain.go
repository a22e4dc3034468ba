package stream

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/value"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Sessions is what this door needs of sessions. Every call ends with its ctx at the latest, and
// keeps nothing of it; all may run concurrently.
type Sessions interface {
	Open(ctx context.Context, o lease.Options) (lease.Touched, error)
	Attach(ctx context.Context, id lease.ID, member uint64, ttl time.Duration) (lease.Touched, error)
	TouchAll(ctx context.Context, list []lease.Attachment) (lost []lease.LostError, err error)
	Close(ctx context.Context, id lease.ID, owner znode.Owner) (revision int64, err error)
	Look(id lease.ID) (s lease.Session, revision int64, ok bool)
	Lost(id lease.ID) error
	Follow(f lease.Follower)
}

// Locks is what this door needs of locks and fences. Every call ends with its ctx at the latest,
// and keeps nothing of it; all may run concurrently.
type Locks interface {
	Acquire(ctx context.Context, r lock.Request, wait time.Duration) (lock.Hold, error)
	Enqueue(ctx context.Context, r lock.Request) (lock.Hold, error)
	AwaitTold(ctx context.Context, ticket string, wait time.Duration, begins func(ticket string)) (lock.Hold, error)
	Leave(ctx context.Context, ticket string) (lock.Done, error)
	Release(ctx context.Context, r lock.Release) (lock.Done, error)
	Downgrade(ctx context.Context, name string, session lease.ID, generation int64, token lock.Token) (lock.Hold, error)
	AcquireAll(ctx context.Context, names []string, r lock.Request, wait time.Duration) ([]lock.Hold, error)
	ReleaseAll(ctx context.Context, names []string, r lock.Release) ([]lock.Done, error)
	Queue(ctx context.Context, name string, limit int, fresh lock.Read) (lock.Queue, error)
	Ahead(ticket string) (position int, holder lock.Contender, ok bool)
	ExpectedWait(ticket string) time.Duration
	Deadlocks(ctx context.Context, limit int, fresh lock.Read) (lock.Deadlocks, error)
	Blockers(ctx context.Context, name string, session lease.ID, ticket string, fresh lock.Read) (lock.Chain, error)
	Of(session lease.ID, limit int) (names []string, list []lock.Contender, total int)
	CheckFence(ctx context.Context, name string, token lock.Token) (lock.Fence, error)
	Fence(ctx context.Context, name string, fresh lock.Read) (lock.Fence, error)
	Follow(f lock.Follower)

	AcquirePermits(ctx context.Context, r lock.PermitRequest, wait time.Duration) (lock.Hold, error)
	EnqueuePermits(ctx context.Context, r lock.PermitRequest) (lock.Hold, error)
	ReleasePermits(ctx context.Context, r lock.Release) (lock.Done, error)
	Semaphore(ctx context.Context, name string, token lock.Token, limit int, fresh lock.Read) (lock.Semaphore, error)
	SetLimit(ctx context.Context, name string, limit int) (lock.LimitSet, error)
}

// Barriers is what this door needs of barriers. Every call ends with its ctx at the latest, and keeps
// nothing of it; all may run concurrently.
type Barriers interface {
	Set(ctx context.Context, name, owner, door string) (barrier.State, error)
	Remove(ctx context.Context, name string) (barrier.State, error)
	Wait(ctx context.Context, name string, wait time.Duration, begins func()) (barrier.State, error)
	Look(ctx context.Context, name string, fresh lock.Read) (barrier.State, error)
	Enter(ctx context.Context, r barrier.Entry, wait time.Duration) (barrier.Place, error)
	Leave(ctx context.Context, x barrier.Exit, wait time.Duration) (barrier.Place, error)
	Gathering(ctx context.Context, name string, limit int, fresh lock.Read) (barrier.Gathering, error)
}

// Values is what this door needs of the data of znodes. Every call ends with its ctx at the latest,
// and keeps nothing of it; all may run concurrently.
type Values interface {
	Get(ctx context.Context, name string, fresh lock.Read) (value.Value, error)
	Put(ctx context.Context, name string, data []byte, version int32, g value.Guard) (value.Value, error)
	Delete(ctx context.Context, name string, version int32, g value.Guard) (revision int64, err error)
}

// A Subscription is one follower of the locks' events.
type Subscription interface {
	// Next blocks until there is an event, or ctx ends. Any error but ctx's own ends the
	// subscription.
	Next(ctx context.Context) (lock.Event, error)
	// Close ends the subscription. It is called once, after the last Next.
	Close()
}

// Subscribe begins to follow the events of the names that start with prefix: those after the
// given event, or from now on where that is nil.
type Subscribe func(prefix string, after *lock.EventID) (Subscription, error)
