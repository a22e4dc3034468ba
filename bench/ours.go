package main

import (
	"context"
	"errors"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// oursParty starts a Lockkeeper of so many members, and a client with one stream to each.
func oursParty(ctx context.Context, b *bench, members int) (_ *party, err error) {
	p := &party{series: series{name: "Lockkeeper"}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	addresses, err := p.startMembers(ctx, b, members)
	if err != nil {
		return nil, err
	}
	clients := make([]*sdk.Client, len(addresses))
	for i, address := range addresses {
		c, err := sdk.Dial(ctx, []string{address})
		if err != nil {
			return nil, err
		}
		clients[i] = c
		p.closing = append(p.closing, func() error {
			ctx, cancel := context.WithTimeout(context.Background(), startTime)
			defer cancel()
			return c.Close(ctx)
		})
	}
	p.mutexes = func(_ context.Context, names []string) ([]mutex, error) {
		list := make([]mutex, len(names))
		for i, name := range names {
			list[i] = sdkMutex{clients[i%len(clients)].Mutex(name)}
		}
		return list, nil
	}
	return p, nil
}

// A sdkMutex leaves the hold aside: its workers do nothing that they could lose.
type sdkMutex struct{ *sdk.Mutex }

// Lock is part of mutex.
func (m sdkMutex) Lock(ctx context.Context) error {
	_, err := m.Mutex.Lock(ctx)
	return err
}
