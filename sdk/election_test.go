package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// takeAway takes the lead from whoever leads.
func takeAway(t *testing.T, name string) {
	t.Helper()
	resp, err := http.Post(endpoints[0]+"/v1/elections/"+name+"/resign", "application/json", strings.NewReader(`{"force":true,"reason":"test"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
}

func get[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-within(t).Done():
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// TestRun leads again after a loss, hands over when it is asked, and ends with its function.
func TestRun(t *testing.T) {
	ctx := within(t)
	a, b := client("a"), client("b")
	defer a.Close(ctx)
	defer b.Close(ctx)
	const name = "run/one"
	terms := make(chan *sdk.Term, 8)
	causes := make(chan error, 8)
	run, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- a.Election(name).Run(run, "a", func(ctx context.Context, term *sdk.Term) error {
			terms <- term
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		})
	}()
	first := get(t, terms)
	takeAway(t, name)
	if cause := get(t, causes); !errors.Is(cause, sdk.ErrLost) {
		t.Errorf("after a forced release the context ends with %v", cause)
	}
	second := get(t, terms)
	if second.Token() <= first.Token() || first.State() != sdk.Lost {
		t.Errorf("tokens %d, %d; the first term is %v", first.Token(), second.Token(), first.State())
	}
	failed := errors.New("of its own")
	err := b.Election(name, sdk.WithPriority(1)).Run(ctx, "b", func(ctx context.Context, term *sdk.Term) error {
		if err := ctx.Err(); err != nil || term.Token() <= second.Token() {
			t.Errorf("b leads by %d, after %d: %v", term.Token(), second.Token(), err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("Run = %v; want its function's error", err)
	}
	if cause := get(t, causes); !errors.Is(cause, sdk.ErrAsked) {
		t.Errorf("asked, the context ends with %v", cause)
	}
	get(t, terms) // b has resigned
	stop()
	if err := get(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v; want that its context has ended", err)
	}
	if _, err := a.Election(name).Leader(ctx); !errors.Is(err, sdk.ErrNoLeader) {
		t.Errorf("leader: %v; want none", err)
	}
}

// TestRunKeepsItsTerm where it was told to.
func TestRunKeepsItsTerm(t *testing.T) {
	ctx := within(t)
	c := client("a")
	defer c.Close(ctx)
	waits := make(chan error, 1)
	candidate, cancel := context.WithCancel(ctx)
	err := c.Election("run/keeps", sdk.WithoutHandOver()).Run(ctx, "a", func(within context.Context, term *sdk.Term) error {
		go func() {
			_, err := c.Election("run/keeps", sdk.WithPriority(9)).Campaign(candidate, "b")
			waits <- err
		}()
		by := get(t, term.Asked())
		if by.Value != "b" || by.Priority != 9 || within.Err() != nil {
			t.Errorf("asked by %+v; the context: %v", by, within.Err())
		}
		cancel()
		<-waits
		return nil
	})
	if err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestTermIsOver(t *testing.T) {
	ctx := within(t)
	a, b := client("a"), client("b")
	defer a.Close(ctx)
	defer b.Close(ctx)
	const name = "term/over"
	e := a.Election(name)
	term, err := e.Campaign(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := term.HandOver(ctx, 12345); !errors.Is(err, sdk.ErrNoCandidate) || term.State() != sdk.Released {
		t.Errorf("hand over to nobody: %v; the term is %v", err, term.State())
	}
	if err := term.HandOver(ctx, 12345); !errors.Is(err, sdk.ErrNotHeld) {
		t.Errorf("hand over again: %v", err)
	}
	if err := term.Proclaim(ctx, "x"); !errors.Is(err, sdk.ErrReleased) {
		t.Errorf("proclaim after the end: %v", err)
	}
	if term, err = b.Election(name).TryCampaign(ctx, "b"); err != nil {
		t.Fatalf("after a refused hand-over the name is not free: %v", err)
	}
	takeAway(t, name)
	get(t, term.Lost())
	if err := term.Proclaim(ctx, "x"); !errors.Is(err, sdk.ErrLost) {
		t.Errorf("proclaim after a loss: %v", err)
	}
	if err := term.HandOver(ctx, 1); !errors.Is(err, sdk.ErrLost) {
		t.Errorf("hand over after a loss: %v", err)
	}
	for _, bad := range []sdk.LockOption{sdk.WithPriority(-1), sdk.WithPriority(1_000_001)} {
		if _, err := a.Election(name, bad).Campaign(ctx, "a"); !errors.Is(err, sdk.ErrInput) {
			t.Errorf("a bad priority: %v", err)
		}
	}
}

// TestHandOverMeetsItsCandidate: one who gives up at that moment leaves the name to the next.
func TestHandOverMeetsItsCandidate(t *testing.T) {
	ctx := within(t)
	a, b := client("a"), client("b")
	defer a.Close(ctx)
	defer b.Close(ctx)
	for i := range 10 {
		name := fmt.Sprintf("meets/%d", i)
		term, err := a.Election(name).Campaign(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		waiting, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			term, err := b.Election(name, sdk.WithPriority(1)).Campaign(waiting, "b")
			if err == nil {
				err = term.Resign(ctx)
			}
			ended <- err
		}()
		by := get(t, term.Asked())
		go cancel()
		if err := term.HandOver(ctx, by.Token); err != nil && !errors.Is(err, sdk.ErrNoCandidate) {
			t.Errorf("hand over: %v", err)
		}
		if err := get(t, ended); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the candidate: %v", err)
		}
		next, err := a.Election(name).Campaign(ctx, "a")
		if err != nil {
			t.Fatalf("nobody is left, and the name is not free: %v", err)
		}
		if err := next.Resign(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
}

// TestObservationWithoutTheService: what is not known is told as that, and what is again, too.
func TestObservationWithoutTheService(t *testing.T) {
	ctx := within(t)
	s := sdktest.Start(t)
	c := s.Client(t)
	e := c.Election("observed")
	o, err := e.Observe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	next := func(want sdk.LeaderState) sdk.Leadership {
		t.Helper()
		for {
			l, err := o.Next(ctx)
			if err != nil {
				t.Fatalf("observe: %v; want %v", err, want)
			}
			if l.State == want {
				return l
			}
			if l.State != sdk.LeaderUnknown {
				t.Errorf("told %+v; want %v", l, want)
			}
		}
	}
	next(sdk.LeaderNone)
	term, err := e.Campaign(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if l := next(sdk.LeaderKnown); l.Leader.Token != term.Token() || l.Leader.Value != "a" {
		t.Errorf("told %+v", l)
	}
	s.Stop(t)
	next(sdk.LeaderUnknown)
	s.Restart(t)
	if l := next(sdk.LeaderKnown); l.Leader.Token != term.Token() || term.Err() != nil {
		t.Errorf("told %+v; the term: %v", l, term.Err())
	}
	if err := term.Proclaim(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if l := next(sdk.LeaderKnown); l.Leader.Value != "b" || term.Value() != "b" {
		t.Errorf("told %+v", l)
	}
	o.Close()
	if _, err := o.Next(ctx); !errors.Is(err, sdk.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
