// Package sdk is the Go client of Lockkeeper, a distributed lock service.
//
// A [Client] talks to one member at a time over one stream, which any number of goroutines
// share, and goes on at another member when that one fails:
//
//	c, err := sdk.Dial(ctx, []string{"http://127.0.0.1:7070"})
//	...
//	defer c.Close(ctx)
//	hold, err := c.Mutex("orders/42").Lock(ctx)
//	...
//	defer hold.Unlock(ctx)
//	err = work(hold.Context(), hold.Token())
//
// # Guarantees
//
// At most one [Hold] of a name is held in the cluster at any time. Each has a [Token] greater
// than every earlier one of that name. Waiters are served in the order of their arrival. A hold
// lives as long as its [Session], which outlives connections and members. Its Context ends before
// the service gives the lock to anybody else, on a clock that counts the time for which the
// process was stopped or the machine suspended. Lost is final: nothing is taken again silently.
//
// # What a hold is not
//
// A program can be stopped between its last look at the hold and what it does next. Side effects
// are exclusive only where the resource refuses tokens below the highest it has seen: send the
// Token with each, or pass it through a [Fence]. A forced release takes the lock from a holder at
// once, who is told as soon as the news arrives.
//
// # Errors
//
// Compare with [errors.Is]: each refusal of the service is one of this package's sentinels.
// [HeldError], [LostError], [StaleTokenError] and [InputError] say more.
package sdk
