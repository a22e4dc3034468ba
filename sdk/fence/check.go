package fence

import (
	"context"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A Checker passes tokens through fences. Its methods are safe for concurrent use.
type Checker interface {
	// Check returns nil if token is not below the highest that has passed the fence called name,
	// and raises the fence to it. Below, the error is a [*StaleError]. Any other error says that
	// the token has not passed, or that nobody knows. Check blocks until ctx ends at most.
	Check(ctx context.Context, name string, token sdk.Token) error
}

// A Gate is a Checker that also keeps apart in time what passes it with different tokens.
type Gate interface {
	Checker
	// Enter checks as Check does, and then waits until all that entered with lower tokens have
	// left: from its return until leave is called none of them is inside, and no lower token gets
	// in. Those with the same token are inside together. If ctx ends first, nobody has entered,
	// and the fence may have been raised. The caller calls leave, once, when its work is done;
	// with an error there is none.
	Enter(ctx context.Context, name string, token sdk.Token) (leave func(), err error)
}

// Cluster returns a Checker that asks the cluster's fences, by [sdk.Fence.Check]: linearizable, for
// all processes that use the same name, and for ever. Each check is a write to the quorum's log.
//
// The check is a step of its own: whoever is stopped between it and the write writes late.
func Cluster(client *sdk.Client) Checker { return cluster{client} }

type cluster struct{ client *sdk.Client }

func (c cluster) Check(ctx context.Context, name string, token sdk.Token) error {
	return c.client.Fence(name).Check(ctx, token)
}
