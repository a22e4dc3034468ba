package httpapi

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// Sessions is what this door needs of sessions. Every call ends with its ctx at the latest,
// and all may run concurrently.
type Sessions interface {
	stream.Sessions
	Get(ctx context.Context, id lease.ID, fresh lock.Read) (lease.Session, int64, error)
	List(ctx context.Context, after lease.ID, limit int, fresh lock.Read) (page []lease.Session, next lease.ID, revision int64, err error)
	Touch(ctx context.Context, id lease.ID, generation int64) (lease.Touched, error)
}

// Locks is what this door needs of locks and fences. Every call ends with its ctx at the
// latest, leaves the queue if it was waiting in it, and all may run concurrently.
type Locks interface {
	stream.Locks
	Await(ctx context.Context, ticket string, wait time.Duration) (lock.Hold, error)
	KeepAlive(ctx context.Context, name string, session lease.ID, generation int64) (lock.Hold, error)
	List(ctx context.Context, prefix, after string, limit int, fresh lock.Read) (lock.Page, error)
	KeepPermits(ctx context.Context, name string, session lease.ID, generation int64, token lock.Token) (lock.Hold, error)
}

// Barriers is what this door needs of barriers. Every call ends with its ctx at the latest, and all
// may run concurrently.
type Barriers = stream.Barriers

// Values is what this door needs of the data of znodes. Every call ends with its ctx at the latest,
// and all may run concurrently.
type Values = stream.Values

// A Subscription is one follower of the locks' events.
type Subscription interface {
	// Next blocks until there is an event, or ctx ends; an event is never lost to a ctx that
	// ended. Any error but ctx's own ends the subscription, for example that of a subscriber
	// that fell too far behind.
	Next(ctx context.Context) (lock.Event, error)
	// Close ends the subscription. It is called once, after the last Next.
	Close()
}

// Subscribe begins to follow the events of the names that start with prefix: those after the
// given event, or from now on where that is nil. It returns [lock.ErrEventsGone] where events
// to resume after are no longer remembered.
type Subscribe func(prefix string, after *lock.EventID) (Subscription, error)

// Subscriber makes a [Subscribe] of a method that returns a subscription type of its own.
func Subscriber[S Subscription](subscribe func(prefix string, after *lock.EventID) (S, error)) Subscribe {
	return func(prefix string, after *lock.EventID) (Subscription, error) {
		s, err := subscribe(prefix, after)
		if err != nil {
			return nil, err // not s: a nil pointer in an interface is not nil
		}
		return s, nil
	}
}
