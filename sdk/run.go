package sdk

import (
	"context"
	"errors"
	"sync"
)

// Run campaigns, and runs f while this candidate leads; when the lead is lost, or handed over, it
// campaigns again, until ctx ends or f returns by itself.
//
// f's context ends with ctx, with the lead, and, unless [WithoutHandOver] says otherwise, when a
// candidate of higher priority waits: then with [ErrAsked], and f should come to an end and return.
// The lead is then handed over to that candidate. f's error counts only where f returns while its
// context goes on: then the term is resigned and Run returns that error, nil included. When ctx ends,
// Run returns f's error, if there is one, or else ctx's cause. An error of Campaign is returned as it
// is.
func (e *Election) Run(ctx context.Context, value string, f func(ctx context.Context, term *Term) error) error {
	for {
		term, err := e.Campaign(ctx, value)
		if err != nil {
			return err
		}
		again, err := e.serve(ctx, term, f)
		if !again {
			return err
		}
	}
}

// serve runs f in a term, and ends the term. It reports whether to campaign again.
func (e *Election) serve(ctx context.Context, term *Term, f func(context.Context, *Term) error) (again bool, err error) {
	within, cancel := context.WithCancelCause(term.Context())
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	heir := Token(0)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	if !e.mutex.cfg.keepTerm {
		wg.Go(func() {
			select {
			case by := <-term.Asked():
				heir = by.Token
				cancel(ErrAsked)
			case <-stop:
			}
		})
	}
	// Deferred for an f that panics: the lead is given up all the same.
	defer func() {
		close(stop)
		wg.Wait()
		end, done := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
		defer done()
		var ending error
		if again && heir != 0 && ctx.Err() == nil {
			// Where the candidate has gone or cannot be moved, the next in line leads.
			if ending = term.HandOver(end, heir); ending == nil || !errors.Is(ending, ErrUncertain) {
				return
			}
		} else if term.Err() == nil {
			ending = term.Resign(end)
		}
		if ending != nil && !again {
			err = errors.Join(err, ending)
		}
	}()
	err = f(within, term)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			err = context.Cause(ctx)
		}
		return false, err
	case within.Err() == nil, errors.Is(term.Err(), ErrReleased):
		return false, err // f has come to its end, or has given the lead up
	}
	return true, nil
}
