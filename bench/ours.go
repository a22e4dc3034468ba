package main

import (
	"context"
	"errors"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// oursParty starts a Lockkeeper of so many members, and a client with one stream to each.
func oursParty(ctx context.Context, b *bench, members int) (*party, error) {
	return oursWith(ctx, b, members)
}

// oursWith does the same with members that are told more.
func oursWith(ctx context.Context, b *bench, members int, args ...string) (_ *party, err error) {
	p := &party{series: series{name: "Lockkeeper"}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	configs, err := memberConfigs("member", b.newDir("lockkeeper"), members)
	if err != nil {
		return nil, err
	}
	for i := range configs {
		configs[i].Args = args
	}
	addresses, err := p.startMembers(ctx, b, configs)
	if err != nil {
		return nil, err
	}
	clients := make([]*sdk.Client, len(addresses))
	for i, address := range addresses {
		c, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		clients[i], p.client = c, c
		p.closing = append(p.closing, func() error { return hangUp(c) })
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

// dial opens a stream to a member that is there.
func dial(ctx context.Context, address string, opts ...sdk.Option) (*sdk.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return sdk.Dial(ctx, []string{address}, opts...)
}

// hangUp closes a client, even where the run has been interrupted.
func hangUp(c *sdk.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return c.Close(ctx)
}
