package stream

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// fakes answer at once, so that only the door itself is tried.
type fakes struct{}

func (fakes) Open(_ context.Context, o lease.Options) (lease.Touched, error) {
	return lease.Touched{Session: lease.Session{ID: 7, TTL: o.TTL, Owner: o.Owner}}, nil
}

func (fakes) Attach(_ context.Context, id lease.ID, member uint64, _ time.Duration) (lease.Touched, error) {
	return lease.Touched{Session: lease.Session{ID: id, Owner: znode.Owner{Member: member, Generation: 1}}}, nil
}

func (fakes) TouchAll(context.Context, []lease.Attachment) ([]lease.LostError, error) {
	return nil, nil
}
func (fakes) Lost(id lease.ID) error { return &lease.LostError{ID: id, Cause: lease.Unknown} }
func (fakes) Look(id lease.ID) (lease.Session, int64, bool) {
	return lease.Session{ID: id, Owner: znode.Owner{Member: 1, Generation: 1}}, 1, id%2 == 1
}

func (fakes) Acquire(_ context.Context, r lock.Request, _ time.Duration) (lock.Hold, error) {
	return lock.Hold{Name: r.Name, Contender: lock.Contender{State: lock.Held, Token: 9}}, nil
}

func (fakes) Enqueue(_ context.Context, r lock.Request) (lock.Hold, error) {
	return lock.Hold{Name: r.Name}, nil
}

func (fakes) AwaitTold(_ context.Context, ticket string, _ time.Duration, begins func(string)) (lock.Hold, error) {
	begins(ticket)
	return lock.Hold{}, nil
}

func (fakes) Leave(context.Context, string) (lock.Done, error) { return lock.Done{}, lock.ErrNoTicket }

func (fakes) Release(_ context.Context, r lock.Release) (lock.Done, error) {
	return lock.Done{Name: r.Name}, nil
}

func (fakes) Queue(_ context.Context, name string, limit int, _ lock.Read) (lock.Queue, error) {
	return lock.Queue{Name: name, Contenders: make([]lock.Contender, min(limit, 3))}, nil
}
func (fakes) Ahead(string) (int, lock.Contender, bool) { return 1, lock.Contender{}, true }
func (fakes) ExpectedWait(string) time.Duration        { return time.Second }
func (fakes) Deadlocks(context.Context, int, lock.Read) (lock.Deadlocks, error) {
	return lock.Deadlocks{Cycles: []lock.Cycle{{Links: make([]lock.Link, 2), Actors: 2}}, Total: 1}, nil
}

func (fakes) Blockers(_ context.Context, name string, _ lease.ID, _ string, _ lock.Read) (lock.Chain, error) {
	return lock.Chain{Name: name, Links: make([]lock.Link, 2), Cycle: true}, nil
}
func (fakes) Of(lease.ID, int) (names []string, list []lock.Contender, n int) { return nil, nil, 0 }
func (fakes) CheckFence(_ context.Context, name string, token lock.Token) (lock.Fence, error) {
	return lock.Fence{Name: name, Token: token}, nil
}

func (fakes) Fence(_ context.Context, name string, _ lock.Read) (lock.Fence, error) {
	return lock.Fence{Name: name}, nil
}

func (fakes) AcquirePermits(_ context.Context, r lock.PermitRequest, _ time.Duration) (lock.Hold, error) {
	return lock.Hold{Name: r.Name}, nil
}

func (fakes) EnqueuePermits(_ context.Context, r lock.PermitRequest) (lock.Hold, error) {
	return lock.Hold{Name: r.Name}, nil
}

func (fakes) ReleasePermits(_ context.Context, r lock.Release) (lock.Done, error) {
	return lock.Done{Name: r.Name}, nil
}

func (fakes) Semaphore(_ context.Context, name string, _ lock.Token, _ int, _ lock.Read) (lock.Semaphore, error) {
	return lock.Semaphore{Name: name}, nil
}

func (fakes) SetLimit(_ context.Context, name string, limit int) (lock.LimitSet, error) {
	return lock.LimitSet{Name: name, Limit: limit}, nil
}

func (fakes) Next(ctx context.Context) (lock.Event, error) {
	<-ctx.Done()
	return lock.Event{}, context.Cause(ctx)
}

// The two halves of fakes differ where sessions and locks have methods of one name.
type (
	fakeSessions struct{ fakes }
	fakeLocks    struct{ fakes }
	fakeEvents   struct{ fakes }
)

func (fakeSessions) Close(context.Context, lease.ID, znode.Owner) (int64, error) { return 1, nil }
func (fakeSessions) Follow(lease.Follower)                                       {}
func (fakeLocks) Follow(lock.Follower)                                           {}

func (fakes) Downgrade(context.Context, string, lease.ID, int64, lock.Token) (lock.Hold, error) {
	return lock.Hold{}, nil
}

func (fakes) AcquireAll(_ context.Context, names []string, _ lock.Request, _ time.Duration) ([]lock.Hold, error) {
	if len(names) == 0 {
		return nil, errors.New("no names")
	}
	return make([]lock.Hold, len(names)), nil
}

func (fakes) ReleaseAll(_ context.Context, names []string, _ lock.Release) ([]lock.Done, error) {
	return make([]lock.Done, len(names)), nil
}

func (fakeEvents) Close() {}

// Whatever bytes come, the stream neither panics nor leaves anything behind, and what it answers
// can be read.
func FuzzReceive(f *testing.F) {
	batch := func(frames ...wire.Frame) (b []byte) {
		for i := range frames {
			frames[i].ID = uint64(i + 1)
			b = wire.AppendFrame(b, &frames[i])
		}
		return b
	}
	hello := wire.Frame{Kind: wire.Hello}
	for kind := wire.Open; kind <= wire.ReleaseAll; kind++ {
		f.Add(batch(hello, wire.Frame{Kind: wire.Open}, wire.Frame{Kind: kind, Session: 7, Name: "a", Ticket: "t", WaitMS: -1, Token: 3, Target: 2, Names: []string{"a", "b"}, Mode: "read"}))
	}
	for kind := wire.AcquirePermits; kind <= wire.SetLimit; kind++ {
		f.Add(batch(hello, wire.Frame{Kind: wire.Open}, wire.Frame{Kind: kind, Session: 7, Name: "a", Permits: 2, PermitLimit: 3, WaitMS: -1, Token: 3}))
	}
	f.Add([]byte("\xff"))
	d, err := New(Config{
		Sessions: fakeSessions{}, Locks: fakeLocks{}, Member: 1,
		Subscribe: func(string, *lock.EventID) (Subscription, error) { return fakeEvents{}, nil },
		Problem:   func(error) (string, bool) { return "any", false },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStream(d)
		s.receive(b)
		s.tick()
		s.going()
		s.end()
		s.wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.flying) != 0 || s.waits != 0 || s.opening != 0 || len(s.sessions) != 0 || d.sessions() != 0 {
			t.Errorf("left: %d in flight, %d waits, %d opening, %d sessions", len(s.flying), s.waits, s.opening, len(s.sessions))
		}
		for message := s.out.takeLocked(nil); message != nil; message = s.out.takeLocked(nil) {
			dec := wire.NewDecoder(message)
			var frame wire.Frame
			for err = dec.Next(&frame); err == nil; err = dec.Next(&frame) {
			}
			if err != io.EOF {
				t.Errorf("an answer: %v", err)
			}
		}
	})
}
