package sdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// What Acquire and the like are refused for. Each comes in a [*PermitsError].
var (
	// ErrNoPermits is returned by TryAcquire where not that many permits are free, or others wait.
	ErrNoPermits = errors.New("not enough permits are free")
	// ErrNoLimit is returned for a semaphore whose number of permits nobody has said yet: see
	// [WithPermits] and [Semaphore.SetLimit].
	ErrNoLimit = errors.New("semaphore has no limit yet")
	// ErrLimitDiffers is returned where [WithPermits] says another limit than the one that stands.
	ErrLimitDiffers = errors.New("semaphore has another limit")
	// ErrTooManyPermits is returned where more permits are asked for than there are.
	ErrTooManyPermits = errors.New("more permits than there are")
)

// A PermitsError says why permits were not given. It matches Err.
type PermitsError struct {
	Err     error // one of the four
	Name    string
	Permits int // that were asked for
	Limit   int // that stands
	InUse   int // as of the refusal
	Waiting int // how many stood in the queue

	message string
}

func (e *PermitsError) Error() string {
	if e.message != "" {
		return e.message
	}
	return fmt.Sprintf("semaphore %q: %v", e.Name, e.Err)
}

// Unwrap returns Err.
func (e *PermitsError) Unwrap() error { return e.Err }

func permitsError(f *wire.Frame) error {
	return &PermitsError{
		Err: sentinel(f.Code), Name: f.Name, Permits: int(f.Permits), Limit: int(f.PermitLimit), InUse: int(f.InUse),
		Waiting: int(f.Waiters), message: f.Message,
	}
}

// WithPermits says how many permits a semaphore has. The first acquire that says so sets it; later
// ones must agree, else they are refused with [ErrLimitDiffers]. Without it, whatever stands is taken.
// It is for semaphores.
func WithPermits(limit int) LockOption {
	return func(c *lockConfig) {
		c.given |= permitsOption
		if c.limit = limit; limit < 1 || limit > maxPermits {
			c.bad = &InputError{Field: "Permits", Problem: "is not a number from 1 to 2^31-1", Fix: "leave the option out to take what stands"}
		}
	}
}

const maxPermits = 1<<31 - 1

// A Semaphore is a number of permits by a name, which many share. It costs nothing until it is asked
// for. Its methods are safe for concurrent use. Curator's InterProcessSemaphoreV2 on the same path
// shares its permits.
type Semaphore struct {
	mutex *Mutex // for what locks and semaphores have in common
}

// Semaphore returns the semaphore of that name, whose permits are held by the client's own session.
// It asks nobody.
func (c *Client) Semaphore(name string, opts ...LockOption) *Semaphore {
	return &Semaphore{mutex: newMutex(c, nil, name, ofSemaphore, opts)}
}

// Name returns the semaphore's name.
func (s *Semaphore) Name() string { return s.mutex.name }

// Acquire waits until it has n permits, all together. Those who came before are served before, a
// large request too: nobody overtakes. Whoever has permits gives them up with [Hold.Unlock] or
// Release; [Hold.Token] is one for all of them. Errors and ctx are as those of [Mutex.Lock].
func (s *Semaphore) Acquire(ctx context.Context, n int) (*Hold, error) {
	h, err := s.acquire(ctx, n, -1)
	if err != nil {
		return nil, fmt.Errorf("acquire %d of %q: %w", n, s.mutex.name, err)
	}
	return h, nil
}

// TryAcquire takes n permits if that many are free and nobody waits, else the error matches
// [ErrNoPermits]. It waits for the answer until ctx ends; otherwise it is as Acquire.
func (s *Semaphore) TryAcquire(ctx context.Context, n int) (*Hold, error) {
	h, err := s.acquire(ctx, n, 0)
	if err != nil {
		return nil, fmt.Errorf("try acquire %d of %q: %w", n, s.mutex.name, err)
	}
	return h, nil
}

// Release gives up all permits of a hold: it is [Hold.Unlock].
func (s *Semaphore) Release(ctx context.Context, h *Hold) error { return h.Unlock(ctx) }

// ReleaseByForce takes all permits of the hold that has the token from whoever has them, and tells them
// why. The error matches [ErrNotHeld] where nobody has.
func (s *Semaphore) ReleaseByForce(ctx context.Context, token Token, reason string) error {
	k := s.mutex.client.newCall(nil)
	f := &k.frame
	f.Kind, f.Name, f.Token, f.Force, f.Reason = wire.ReleasePermits, s.mutex.name, int64(token), true, reason
	if _, err := s.mutex.client.ask(ctx, k); err != nil {
		return fmt.Errorf("release %d of %q by force: %w", int64(token), s.mutex.name, err)
	}
	return nil
}

// Enqueue takes a place in the queue for n permits, without waiting. Its Ticket is as that of
// [Mutex.Enqueue], but that its Token is 0 while it waits: a hold's token is that of the grant.
func (s *Semaphore) Enqueue(ctx context.Context, n int) (*Ticket, error) {
	t, err := renewing(ctx, s.mutex.session, func() (*Ticket, error) { return s.enqueue(ctx, n) })
	if err != nil {
		return nil, fmt.Errorf("enqueue for %d of %q: %w", n, s.mutex.name, err)
	}
	return t, nil
}

func (s *Semaphore) acquire(ctx context.Context, n int, wait int64) (*Hold, error) {
	return renewing(ctx, s.mutex.session, func() (*Hold, error) {
		k, err := s.request(wire.AcquirePermits, n, wait)
		if err != nil {
			return nil, err
		}
		return s.mutex.client.wait(ctx, k)
	})
}

func (s *Semaphore) enqueue(ctx context.Context, n int) (*Ticket, error) {
	k, err := s.request(wire.EnqueuePermits, n, 0)
	if err != nil {
		return nil, err
	}
	t, err := s.mutex.place(ctx, k)
	if err == nil && t.Position() > 0 {
		t.token = 0
	}
	return t, err
}

func (s *Semaphore) request(kind wire.Kind, n int, wait int64) (*call, error) {
	if n < 1 || n > maxPermits {
		return nil, &InputError{Field: "n", Problem: fmt.Sprintf("is %d", n), Fix: "ask for 1 permit or more"}
	}
	k, err := s.mutex.request(kind, wait)
	if err != nil {
		return nil, err
	}
	k.frame.Permits, k.frame.PermitLimit = int64(n), int64(s.mutex.cfg.limit)
	return k, nil
}

// SetLimit says how many permits there are. A raise grants to those who wait at once; a lowering takes
// nothing away, but nobody is granted anything until enough has come back. Where a stream breaks
// before the answer it is done again: it may undo what another has set meanwhile.
func (s *Semaphore) SetLimit(ctx context.Context, limit int) error {
	if limit < 1 || limit > maxPermits {
		return &InputError{Field: "limit", Problem: fmt.Sprintf("is %d", limit), Fix: "say 1 permit or more"}
	}
	k := s.mutex.client.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.PermitLimit = wire.SetLimit, s.mutex.name, int64(limit)
	if _, err := s.mutex.client.ask(ctx, k); err != nil {
		return fmt.Errorf("set the limit of %q: %w", s.mutex.name, err)
	}
	return nil
}

// A SemaphoreView is who has a semaphore's permits and who waits, at one moment.
type SemaphoreView struct {
	Name     string
	Limit    int // 0: not set yet
	InUse    int // those of a Curator client that still waits for its turn are counted
	Holders  []Contender
	Waiters  []Contender // Holders and Waiters each have the first [QueueLimit], or as many as an answer has room for
	Waiting  int         // waiters in all
	Revision int64       // of the service's tree, which grows with every change
}

// View returns the semaphore's limit, holders and waiters, as of a moment between the call and its
// return.
func (s *Semaphore) View(ctx context.Context) (SemaphoreView, error) {
	k := s.mutex.client.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.Limit = wire.Semaphore, s.mutex.name, QueueLimit
	answer, err := s.mutex.client.ask(ctx, k)
	if err != nil {
		return SemaphoreView{}, fmt.Errorf("look at the semaphore %q: %w", s.mutex.name, err)
	}
	v := SemaphoreView{
		Name: s.mutex.name, Limit: int(answer.PermitLimit), InUse: int(answer.InUse), Waiting: int(answer.Waiters), Revision: answer.Revision,
	}
	for i := range answer.Contenders {
		if c := contender(&answer.Contenders[i]); c.Holds {
			v.Holders = append(v.Holders, c)
		} else {
			v.Waiters = append(v.Waiters, c)
		}
	}
	return v, nil
}
