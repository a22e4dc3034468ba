package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

func ExampleBarrier_Wait() {
	ctx := context.Background()
	operator, worker := client("ann"), client("host-7")
	defer operator.Close(ctx)
	defer worker.Close(ctx)
	if err := operator.Barrier("deploys").Set(ctx); err != nil {
		log.Fatal(err)
	}
	closed, err := worker.Barrier("deploys").Closed(ctx)
	fmt.Println("closed:", closed, err)

	passed := make(chan error, 1)
	go func() { passed <- worker.Barrier("deploys").Wait(ctx) }()
	if err := operator.Barrier("deploys").Remove(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("passed:", <-passed)
	// Output:
	// closed: true <nil>
	// passed: <nil>
}

func ExampleBarrier_Set() {
	ctx := context.Background()
	c := client("ann")
	defer c.Close(ctx)
	gate := c.Barrier("maintenance")
	fmt.Println(gate.Set(ctx))

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	fmt.Println(errors.Is(gate.Wait(short), context.DeadlineExceeded))
	fmt.Println(gate.Remove(ctx), gate.Remove(ctx))
	// Output:
	// <nil>
	// true
	// <nil> <nil>
}

func ExampleDoubleBarrier_Enter() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			b := c.DoubleBarrier("start", 3)
			if err := b.Enter(ctx); err != nil { // until three are there
				log.Fatal(err)
			}
			if err := b.Leave(ctx); err != nil { // until all have left
				log.Fatal(err)
			}
		})
	}
	all.Wait()
	g, err := c.DoubleBarrier("start", 3).Gathering(ctx)
	fmt.Println(g.Open, g.Total, err)
	// Output: false 0 <nil>
}

func ExampleDoubleBarrier_Leave() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	b := c.DoubleBarrier("alone", 1)
	fmt.Println(errors.Is(b.Leave(ctx), sdk.ErrNotHeld))
	fmt.Println(b.Enter(ctx), errors.Is(b.Enter(ctx), sdk.ErrInput))
	fmt.Println(b.Leave(ctx))
	// Output:
	// true
	// <nil> true
	// <nil>
}

func ExampleBarrierCountError() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	waits := make(chan error, 1)
	go func() { waits <- c.DoubleBarrier("count", 2).Enter(ctx) }()
	for {
		g, err := c.DoubleBarrier("count", 2).Gathering(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if g.Total == 1 {
			fmt.Println("there:", g.Participants[0].Owner, "of", g.Count)
			break
		}
	}
	err := c.DoubleBarrier("count", 3).Enter(ctx)
	if e, ok := errors.AsType[*sdk.BarrierCountError](err); ok {
		fmt.Println("the others wait for", e.Others)
	}
	cancel()
	fmt.Println(errors.Is(<-waits, context.Canceled))
	// Output:
	// there: host-7 of 2
	// the others wait for 2
	// true
}

func ExampleHold_Put() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	hold, err := c.Mutex("import").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.Put(ctx, "import-state/offset", []byte("4711")))
	v, err := c.Data("import-state/offset").Get(ctx)
	fmt.Println(string(v.Data), v.Version, err)

	if err := hold.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	err = hold.Put(ctx, "import-state/offset", []byte("4712"))
	fmt.Println(errors.Is(err, sdk.ErrReleased))
	// Output:
	// <nil>
	// 4711 0 <nil>
	// true
}

func ExampleIfToken() {
	ctx := context.Background()
	a, b := client("host-7"), client("host-8")
	defer a.Close(ctx)
	defer b.Close(ctx)
	hold, err := a.Mutex("shift").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	old := hold.Token() // handed on to a program that sleeps
	if err := hold.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := b.Mutex("shift").Lock(ctx); err != nil {
		log.Fatal(err)
	}

	_, err = a.Data("shift-state").Put(ctx, []byte("late"), sdk.IfToken("shift", old))
	if e, ok := errors.AsType[*sdk.NotHolderError](err); ok {
		fmt.Println(errors.Is(err, sdk.ErrNotHolder), "held by", e.Holder.Owner)
	}
	// Output: true held by host-8
}

func ExampleIfVersion() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	d := c.Data("settings/color")
	v, err := d.Put(ctx, []byte("red"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = d.Put(ctx, []byte("blue"), sdk.IfVersion(v.Version))
	fmt.Println(err)
	_, err = d.Put(ctx, []byte("green"), sdk.IfVersion(v.Version))
	if e, ok := errors.AsType[*sdk.VersionError](err); ok {
		fmt.Println(errors.Is(err, sdk.ErrVersion), "it is of version", e.Actual)
	}
	fmt.Println(d.Delete(ctx))
	_, err = d.Get(ctx)
	fmt.Println(errors.Is(err, sdk.ErrNoValue))
	// Output:
	// <nil>
	// true it is of version 1
	// <nil>
	// true
}

func ExampleIfHeld() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)
	hold, err := c.Mutex("ledger").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	d := c.Data("ledger-state")
	v, err := d.Put(ctx, []byte("one"), sdk.IfHeld(hold))
	fmt.Println(v.Version, err)
	_, err = d.Put(ctx, []byte("two"), sdk.IfHeld(hold), sdk.IfVersion(v.Version))
	fmt.Println(err, d.Delete(ctx, sdk.IfHeld(hold)))
	// Output:
	// 0 <nil>
	// <nil> <nil>
}
