package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

// endpoints are those of the service that the examples run against.
var endpoints []string

// withService runs the tests beside the service.
type withService struct{ tests *testing.M }

func (r withService) Run() int {
	s, err := sdktest.Open()
	if err != nil {
		log.Fatal(err)
	}
	endpoints = s.Endpoints()
	code := r.tests.Run()
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
	return code
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(withService{m}, quorumtest.IgnoreEtcd()...)
}

func ExampleDial() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := sdk.Dial(ctx, endpoints, sdk.WithOwner("host-7"), sdk.WithTTL(10*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	fmt.Println(c.Owner(), "is connected:", c.Endpoint() == endpoints[0])
	// Output: host-7 is connected: true
}

// client is Dial for the other examples.
func client(owner string, opts ...sdk.Option) *sdk.Client {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := sdk.Dial(ctx, endpoints, append(opts, sdk.WithOwner(owner))...)
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func ExampleMutex_Lock() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)

	hold, err := c.Mutex("orders/42", sdk.WithReason("shipping")).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	// Work under hold.Context(), and send hold.Token() with each side effect.
	fmt.Println(hold.Name(), hold.State(), hold.Token() > 0)

	if err := hold.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.State(), hold.Err())
	// Output:
	// orders/42 held true
	// released lock "orders/42": released
}

func ExampleMutex_TryLock() {
	ctx := context.Background()
	a, b := client("host-7"), client("host-8")
	defer a.Close(ctx)
	defer b.Close(ctx)
	if _, err := a.Mutex("try").TryLock(ctx); err != nil {
		log.Fatal(err)
	}

	_, err := b.Mutex("try").TryLock(ctx)
	if held, ok := errors.AsType[*sdk.HeldError](err); ok {
		fmt.Println(errors.Is(err, sdk.ErrHeld), "held by", held.Holder.Owner)
	}
	// Output: true held by host-7
}

func ExampleMutex_Unlock() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	m := c.Mutex("unlock")
	if _, err := m.Lock(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Unlock(ctx))
	fmt.Println(errors.Is(m.Unlock(ctx), sdk.ErrNotHeld))
	// Output:
	// <nil>
	// true
}

func ExampleOnWait() {
	ctx := context.Background()
	a, b := client("host-7"), client("host-8")
	defer a.Close(ctx)
	defer b.Close(ctx)
	hold, err := a.Mutex("wait").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}

	waiting := sdk.OnWait(func(w sdk.Wait) {
		fmt.Println("waiting for", w.Name, "held by", w.Holder.Owner)
		if err := hold.Unlock(ctx); err != nil {
			log.Fatal(err)
		}
	})
	if _, err := b.Mutex("wait", waiting).Lock(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("held")
	// Output:
	// waiting for wait held by host-7
	// held
}

func ExampleMutex_Enqueue() {
	ctx := context.Background()
	a, b := client("host-7"), client("host-8")
	defer a.Close(ctx)
	defer b.Close(ctx)
	hold, err := a.Mutex("queue").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}

	ticket, err := b.Mutex("queue").Enqueue(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("position", ticket.Position())
	if err := hold.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	next, err := ticket.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(next.State(), next.Token() == ticket.Token())
	// Output:
	// position 1
	// held true
}

func ExampleTicket_Leave() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	ticket, err := c.Mutex("leave").Enqueue(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ticket.Leave(ctx))
	_, err = ticket.Wait(ctx)
	fmt.Println(errors.Is(err, sdk.ErrNoTicket))
	// Output:
	// <nil>
	// true
}

func ExampleHold_Context() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	hold, err := c.Mutex("report", sdk.WithMaxHold(100*time.Millisecond)).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}

	<-hold.Context().Done() // the work that hangs
	fmt.Println(context.Cause(hold.Context()))
	fmt.Println(errors.Is(hold.Err(), sdk.ErrMaxHold))
	// Output:
	// lock "report": held for too long
	// true
}

func ExampleWithProgress() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	done := 0
	check := func(context.Context) error {
		if done == 0 {
			return errors.New("nothing done since the last look")
		}
		done = 0
		return nil
	}
	hold, err := c.Mutex("import", sdk.WithProgress(check, 50*time.Millisecond)).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	<-hold.Lost()
	fmt.Println(hold.Err())
	// Output: lock "import": no progress: nothing done since the last look
}

func ExampleOnState() {
	ctx := context.Background()
	c := client("host-7")
	states := make(chan sdk.State, 10)
	hold, err := c.Mutex("state", sdk.OnState(func(_ *sdk.Hold, s sdk.State) { states <- s })).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-states)
	if err := hold.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	c.Close(ctx) // waits for the last call
	close(states)
	last := sdk.Held
	for s := range states {
		last = s
	}
	fmt.Println(last)
	// Output:
	// held
	// released
}

func ExampleClient_Do() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	err := c.Do(ctx, "orders/43", func(ctx context.Context, token sdk.Token) error {
		fmt.Println("alone:", ctx.Err() == nil, token > 0)
		return nil
	})
	fmt.Println(err)
	// Output:
	// alone: true true
	// <nil>
}

func ExampleClient_Locker() {
	c := client("host-7")
	defer c.Close(context.Background())
	l := c.Locker("legacy")
	l.Lock()
	defer l.Unlock()
	fmt.Println("held")
	// Output: held
}

func ExampleFence_Check() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	fence := c.Fence("invoices")
	fmt.Println(fence.Check(ctx, 12))
	err := fence.Check(ctx, 11) // of a holder that slept
	fmt.Println(errors.Is(err, sdk.ErrStaleToken))
	highest, err := fence.Highest(ctx)
	fmt.Println(highest, err)
	// Output:
	// <nil>
	// true
	// 12 <nil>
}

func ExampleClient_Queue() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	if _, err := c.Mutex("look", sdk.WithReason("backup")).Lock(ctx); err != nil {
		log.Fatal(err)
	}
	q, err := c.Queue(ctx, "look")
	if err != nil {
		log.Fatal(err)
	}
	holder, held := q.Holder()
	fmt.Println(held, holder.Owner, holder.Reason, q.Total)
	// Output: true host-7 backup 1
}

func ExampleClient_Events() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	events, err := c.Events(ctx, "news/", "")
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	hold, err := c.Mutex("news/1").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := hold.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		e, err := events.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Kind, e.Name, e.Owner)
	}
	// Output:
	// acquired news/1 host-7
	// released news/1 host-7
}

func ExampleClient_OpenSession() {
	ctx := context.Background()
	c := client("gateway")
	defer c.Close(ctx)
	s, err := c.OpenSession(ctx, sdk.WithSessionTTL(30*time.Second), sdk.WithSessionLabels(map[string]string{"user": "ada"}))
	if err != nil {
		log.Fatal(err)
	}
	hold, err := s.Mutex("desk/1").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.TTL(), hold.Session() == s)
	fmt.Println(s.Close(ctx), hold.State())
	// Output:
	// 30s true
	// <nil> released
}
