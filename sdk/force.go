package sdk

import (
	"context"
	"fmt"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// ForceRelease takes the lock called name from whoever holds it, or waits for it, under token; 0 is
// whoever holds it now. Its client is told the reason. Whoever was at work under the lock may be so
// still: what it protects must refuse the old token. The error matches [ErrNotHeld] where there is
// nothing to take. It waits for the answer until ctx ends; whether it was done is not known then.
func (c *Client) ForceRelease(ctx context.Context, name string, token Token, reason string) error {
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.Token, k.frame.Force, k.frame.Reason = wire.Release, name, int64(token), true, reason
	if _, err := c.ask(ctx, k); err != nil {
		return fmt.Errorf("force the release of %q: %w", name, err)
	}
	return nil
}
