package sdk

import (
	"context"
	"fmt"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A Fence is a named register of the service that only moves up. It makes tokens worth something
// where the protected resource cannot compare them by itself: whoever is about to act checks its
// token first. Its methods are safe for concurrent use.
type Fence struct {
	client *Client
	name   string
}

// Fence returns the fence of that name. It asks nobody, and names no lock: a fence may guard what
// several locks protect.
func (c *Client) Fence(name string) *Fence { return &Fence{client: c, name: name} }

// Name returns the fence's name.
func (f *Fence) Name() string { return f.name }

// Check passes token through the fence: one below the highest that it has seen is refused with a
// [*StaleTokenError], a higher one raises it. It is linearizable. If ctx ends first the error
// matches [ErrUncertain]: the fence may have been raised. Safe to repeat.
func (f *Fence) Check(ctx context.Context, token Token) error {
	k := f.client.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.Token = wire.Check, f.name, int64(token)
	_, err := f.client.ask(ctx, k)
	if err = unsure(ctx, err); err != nil {
		return fmt.Errorf("check fence %q: %w", f.name, err)
	}
	return nil
}

// Highest returns the highest token that the fence has seen; 0: none.
func (f *Fence) Highest(ctx context.Context) (Token, error) {
	k := f.client.newCall(nil)
	k.frame.Kind, k.frame.Name = wire.Fence, f.name
	answer, err := f.client.ask(ctx, k)
	if err != nil {
		return 0, fmt.Errorf("read fence %q: %w", f.name, err)
	}
	return Token(answer.Token), nil
}
