package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lockkeeper/lockkeeper/sdk"
)

func ExampleSemaphore_Acquire() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)

	pool := c.Semaphore("pool", sdk.WithPermits(4), sdk.WithReason("import"))
	hold, err := pool.Acquire(ctx, 3)
	if err != nil {
		log.Fatal(err)
	}
	// Work under hold.Context(); hold.Token() is one for all three.
	fmt.Println(hold.Name(), hold.Permits(), hold.State(), hold.Token() > 0)

	if err := pool.Release(ctx, hold); err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.State())
	// Output:
	// pool 3 held true
	// released
}

func ExampleSemaphore_TryAcquire() {
	ctx := context.Background()
	a, b := client("host-7"), client("host-8")
	defer a.Close(ctx)
	defer b.Close(ctx)
	if _, err := a.Semaphore("few", sdk.WithPermits(2)).TryAcquire(ctx, 2); err != nil {
		log.Fatal(err)
	}

	_, err := b.Semaphore("few").TryAcquire(ctx, 1)
	if e, ok := errors.AsType[*sdk.PermitsError](err); ok {
		fmt.Println(errors.Is(err, sdk.ErrNoPermits), e.InUse, "of", e.Limit, "in use")
	}
	_, err = b.Semaphore("few").Acquire(ctx, 3)
	fmt.Println(errors.Is(err, sdk.ErrTooManyPermits))
	_, err = b.Semaphore("few", sdk.WithPermits(5)).Acquire(ctx, 1)
	fmt.Println(errors.Is(err, sdk.ErrLimitDiffers))
	_, err = b.Semaphore("unknown").Acquire(ctx, 1)
	fmt.Println(errors.Is(err, sdk.ErrNoLimit))
	// Output:
	// true 2 of 2 in use
	// true
	// true
	// true
}

func ExampleSemaphore_Enqueue() {
	ctx := context.Background()
	a, b := client("host-7"), client("host-8")
	defer a.Close(ctx)
	defer b.Close(ctx)
	first, err := a.Semaphore("line", sdk.WithPermits(1)).Acquire(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}

	ticket, err := b.Semaphore("line").Enqueue(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("position", ticket.Position(), "token", ticket.Token())
	if err := first.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	hold, err := ticket.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.Permits(), hold.State(), hold.Token() > first.Token())
	// Output:
	// position 1 token 0
	// 1 held true
}

func ExampleSemaphore_SetLimit() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	pool := c.Semaphore("grows", sdk.WithPermits(1))
	if _, err := pool.Acquire(ctx, 1); err != nil {
		log.Fatal(err)
	}
	waiting, err := pool.Enqueue(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}

	if err := pool.SetLimit(ctx, 2); err != nil {
		log.Fatal(err)
	}
	hold, err := waiting.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.State())
	// Output: held
}

func ExampleSemaphore_View() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	pool := c.Semaphore("seen", sdk.WithPermits(3))
	if _, err := pool.Acquire(ctx, 2); err != nil {
		log.Fatal(err)
	}
	if _, err := pool.Enqueue(ctx, 2); err != nil {
		log.Fatal(err)
	}

	v, err := pool.View(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.InUse, "of", v.Limit, "in use,", v.Waiting, "waits")
	for _, h := range v.Holders {
		fmt.Println(h.Who(), "holds", h.Permits)
	}
	// Output:
	// 2 of 3 in use, 1 waits
	// host-7 holds 2
}
