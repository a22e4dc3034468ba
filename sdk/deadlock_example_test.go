package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lockkeeper/lockkeeper/sdk"
)

func ExampleWithDeadlock() {
	ctx := context.Background()
	ann, bob := client("ann"), client("bob")
	defer ann.Close(ctx)
	defer bob.Close(ctx)
	refuse := sdk.WithDeadlock(sdk.DeadlockRefuse) // one goroutine each
	if _, err := ann.Mutex("left", refuse).Lock(ctx); err != nil {
		log.Fatal(err)
	}
	right, err := bob.Mutex("right", refuse).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	waiting := make(chan struct{})
	got := make(chan error)
	go func() {
		_, err := ann.Mutex("right", refuse, sdk.OnWait(func(sdk.Wait) { close(waiting) })).Lock(ctx)
		got <- err
	}()
	<-waiting
	_, err = bob.Mutex("left", refuse).Lock(ctx)
	if e, ok := errors.AsType[*sdk.DeadlockError](err); ok {
		for _, k := range e.Cycle {
			fmt.Printf("%s holds %s and waits for %s\n", k.Who(), k.Holds.Name, k.Waits.Name)
		}
	}
	fmt.Println(right.Unlock(ctx), <-got)
	// Output:
	// bob holds right and waits for left
	// ann holds left and waits for right
	// <nil> <nil>
}

func ExampleClient_Deadlocks() {
	ctx := context.Background()
	c := client("watch")
	defer c.Close(ctx)
	list, err := c.Deadlocks(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list.Total, list.Complete)
	// Output: 0 true
}

func ExampleClient_Blockers() {
	ctx := context.Background()
	ann, bob := client("ann"), client("bob")
	defer ann.Close(ctx)
	defer bob.Close(ctx)
	if _, err := ann.Mutex("press").Lock(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := bob.Mutex("press").Enqueue(ctx); err != nil {
		log.Fatal(err)
	}
	chain, err := bob.Blockers(ctx, "press")
	if err != nil {
		log.Fatal(err)
	}
	for _, k := range chain.Links {
		fmt.Printf("%s: holds %q, waits for %q\n", k.Who(), k.Holds.Name, k.Waits.Name)
	}
	// Output:
	// bob: holds "", waits for "press"
	// ann: holds "press", waits for ""
}

func ExampleTicket_Blockers() {
	ctx := context.Background()
	ann, bob := client("ann"), client("bob")
	defer ann.Close(ctx)
	defer bob.Close(ctx)
	if _, err := ann.Mutex("oven").Lock(ctx); err != nil {
		log.Fatal(err)
	}
	ticket, err := bob.Mutex("oven").Enqueue(ctx)
	if err != nil {
		log.Fatal(err)
	}
	chain, err := ticket.Blockers(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(chain.Links[len(chain.Links)-1].Who(), ticket.ExpectedWait())
	// Output: ann 0s
}
