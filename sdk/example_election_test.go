package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lockkeeper/lockkeeper/sdk"
)

func ExampleElection_Run() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)

	err := c.Election("scheduler").Run(ctx, "10.0.0.7:8080", func(ctx context.Context, term *sdk.Term) error {
		// Work under ctx, and send term.Token() with each side effect.
		fmt.Println("leading as", term.Value(), ctx.Err() == nil, term.Token() > 0)
		return nil // resigns; when the lead is lost instead, Run campaigns again
	})
	fmt.Println(err)
	// Output:
	// leading as 10.0.0.7:8080 true true
	// <nil>
}

func ExampleElection_Campaign() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)

	term, err := c.Election("db/primary").Campaign(ctx, "starting")
	if err != nil {
		log.Fatal(err)
	}
	if err := term.Proclaim(ctx, "ready at 10.0.0.7:5432"); err != nil {
		log.Fatal(err)
	}
	leader, err := c.Election("db/primary").Leader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(leader.Value, leader.Token == term.Token())
	if err := term.Resign(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(term.State(), term.Context().Err())
	// Output:
	// ready at 10.0.0.7:5432 true
	// released context canceled
}

func ExampleElection_TryCampaign() {
	ctx := context.Background()
	a, b := client("a"), client("b")
	defer a.Close(ctx)
	defer b.Close(ctx)

	if _, err := a.Election("try").TryCampaign(ctx, "first"); err != nil {
		log.Fatal(err)
	}
	_, err := b.Election("try").TryCampaign(ctx, "second")
	fmt.Println(errors.Is(err, sdk.ErrHeld))
	// Output: true
}

func ExampleElection_Leader() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)

	_, err := c.Election("vacant").Leader(ctx)
	fmt.Println(errors.Is(err, sdk.ErrNoLeader))
	// Output: true
}

func ExampleElection_Observe() {
	ctx := context.Background()
	c := client("host-7")
	defer c.Close(ctx)

	e := c.Election("observed")
	o, err := e.Observe(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer o.Close()
	for leadership, err := range o.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		switch leadership.State {
		case sdk.LeaderUnknown:
			continue // as when the client is not connected
		case sdk.LeaderNone:
			fmt.Println("nobody leads")
			if _, err := e.Campaign(ctx, "host-7"); err != nil {
				log.Fatal(err)
			}
			continue
		}
		fmt.Println("the leader is", leadership.Leader.Value)
		break
	}
	// Output:
	// nobody leads
	// the leader is host-7
}

func ExampleTerm_HandOver() {
	ctx := context.Background()
	a, b := client("a"), client("b")
	defer a.Close(ctx)
	defer b.Close(ctx)

	term, err := a.Election("handed").Campaign(ctx, "a")
	if err != nil {
		log.Fatal(err)
	}
	led := make(chan *sdk.Term)
	go func() {
		term, err := b.Election("handed", sdk.WithPriority(5)).Campaign(ctx, "b")
		if err != nil {
			log.Fatal(err)
		}
		led <- term
	}()
	by := <-term.Asked()
	fmt.Println(by.Value, "asks, of priority", by.Priority)
	if err := term.HandOver(ctx, by.Token); err != nil {
		log.Fatal(err)
	}
	next := <-led
	fmt.Println(next.Value(), "leads, by a greater token:", next.Token() > term.Token())
	// Output:
	// b asks, of priority 5
	// b leads, by a greater token: true
}
