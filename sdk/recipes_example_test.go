package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

func ExampleRWMutex() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := client("host-7")
	defer c.Close(ctx)
	prices := c.RWMutex("example/prices")
	one, err := prices.RLock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	two, err := prices.RLock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	_, err = prices.TryLock(ctx)
	fmt.Println("two read; to write:", errors.Is(err, sdk.ErrHeld))
	fmt.Println(one.Unlock(ctx), two.Unlock(ctx))
	// Output:
	// two read; to write: true
	// <nil> <nil>
}

func ExampleRWMutex_Downgrade() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := client("host-7")
	defer c.Close(ctx)
	prices := c.RWMutex("example/downgrade")
	hold, err := prices.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	token := hold.Token()
	if err := prices.Downgrade(ctx, hold); err != nil {
		log.Fatal(err)
	}
	other, err := prices.TryRLock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("both read:", hold.State(), other.State(), hold.Token() == token)
	fmt.Println(hold.Unlock(ctx), other.Unlock(ctx))
	// Output:
	// both read: held held true
	// <nil> <nil>
}

func ExampleMultiLock() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := client("host-7")
	defer c.Close(ctx)
	transfer := c.MultiLock([]string{"example/account/7", "example/account/3"})
	both, err := transfer.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range both.Holds() {
		fmt.Println(h.Name(), h.Token() == both.Token(h.Name()))
	}
	_, err = c.Mutex("example/account/3").TryLock(ctx)
	fmt.Println("one of them:", errors.Is(err, sdk.ErrHeld))
	fmt.Println(both.Unlock(ctx), both.Context().Err() != nil)
	// Output:
	// example/account/3 true
	// example/account/7 true
	// one of them: true
	// <nil> true
}

func ExampleWithReentrant() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := client("host-7")
	defer c.Close(ctx)
	m := c.Mutex("example/again", sdk.WithReentrant(), sdk.WithLockOwner("worker-1"))
	outer, err := m.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	inner, err := m.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same hold:", outer == inner)
	fmt.Println(inner.Unlock(ctx), outer.State())
	fmt.Println(outer.Unlock(ctx), outer.State())
	// Output:
	// the same hold: true
	// <nil> held
	// <nil> released
}

func ExampleWithLockDelay() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := client("host-7")
	defer c.Close(ctx)
	hold, err := c.Mutex("example/delay", sdk.WithLockDelay(5*time.Second)).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.Unlock(ctx))
	next, err := c.Mutex("example/delay").TryLock(ctx) // it was released, not lost: it does not rest
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(next.Unlock(ctx))
	// Output:
	// <nil>
	// <nil>
}

func ExampleClient_ForceRelease() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, operator := client("host-7"), client("operator")
	defer c.Close(ctx)
	defer operator.Close(ctx)
	hold, err := c.Mutex("example/forced").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := operator.ForceRelease(ctx, "example/forced", hold.Token(), "host-7 is gone"); err != nil {
		log.Fatal(err)
	}
	<-hold.Lost()
	var lost *sdk.LostError
	fmt.Println(errors.As(hold.Err(), &lost), lost.Cause, lost.Reason)
	// Output: true forced host-7 is gone
}
