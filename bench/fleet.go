package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

const (
	sessionTTL = 30 * time.Second

	// fleetOpening is how many sessions of one client are being opened at once.
	fleetOpening = 16
)

// A fleet is many sessions on some streams, one stream a client.
type fleet struct {
	clients  []*sdk.Client
	sessions []*sdk.Session
}

// openFleet opens n sessions, spread evenly over so many streams. It must be closed.
func openFleet(ctx context.Context, address string, streams, n int) (_ *fleet, _ load, err error) {
	f := &fleet{sessions: make([]*sdk.Session, n)}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	for range streams {
		c, err := dial(ctx, address, sdk.WithTTL(sessionTTL))
		if err != nil {
			return nil, load{}, err
		}
		f.clients = append(f.clients, c)
	}
	callers := streams * fleetOpening
	if n < callers || n%callers != 0 {
		callers = streams
	}
	l, err := drive(ctx, callers, n, ownCPU, func(ctx context.Context, caller, i int) error {
		s, err := f.clients[caller%streams].OpenSession(ctx)
		f.sessions[caller*(n/callers)+i] = s
		return err
	})
	return f, l, err
}

// lost returns how many sessions are over, and why the first of them is.
func (f *fleet) lost() (n int, first error) {
	for _, s := range f.sessions {
		if err := s.Err(); err != nil {
			if n++; first == nil {
				first = err
			}
		}
	}
	return n, first
}

// close closes the clients, and so the sessions.
func (f *fleet) close() error {
	errs := make([]error, len(f.clients))
	var wg sync.WaitGroup
	for i, c := range f.clients {
		wg.Go(func() { errs[i] = hangUp(c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// alive is how many sessions a member counts.
func alive(ctx context.Context, address string) (int, error) {
	v, err := gauges(ctx, address, "lockkeeper_lease_active")
	if err != nil {
		return 0, err
	}
	return int(v[0]), nil
}

// expect says so if a member counts another number of sessions.
func expect(ctx context.Context, address string, want int) error {
	n, err := alive(ctx, address)
	if err == nil && n != want {
		err = fmt.Errorf("the member counts %d sessions; want %d", n, want)
	}
	return err
}
