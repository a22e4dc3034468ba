// Package fence makes resources refuse the holders of a lock that come too late.
//
// A holder can be stopped past its TTL and wake after the lock has moved on. Nothing at the lock
// service can keep it from its next write: the resource must, by refusing tokens below the highest
// it has seen. This package has the resource's half, for three kinds of resource:
//
//   - An HTTP service: [Middleware] looks at the header [Header] of each request. [Transport] sends
//     it. Which tokens are stale says a [Checker]: the cluster's own fence ([Cluster]), or a mark
//     that the service keeps by itself ([Local]).
//   - A SQL database: [Tx] and [Exec] check the token in the very transaction that writes.
//   - An object store with conditional writes: [PutObject] and [UpdateObject] keep the token beside
//     the object, and write by compare-and-set.
//
// # Guarantees
//
// Once a token has passed, nothing with a lower one passes. With Tx, Exec, PutObject and
// UpdateObject that holds for the writes themselves, wherever the programs were stopped: check and
// write are one step of the database or the store. With a Local in front of a resource that is one
// process it holds, too: a newer token waits until the requests of older ones have ended.
//
// # What a fence is not
//
// A fence learns of a new holder by the first token that comes from it. Until then the old one's
// writes pass. Whoever reads before its first write should raise the fence before it reads: by a
// check, or by a write that changes nothing.
//
// A check by [Cluster] is a step before the write, not the same one: a handler, or a program, that
// is stopped between the two writes late. Where the resource can check by itself, let it.
//
// Fences guard against those who bring a token, not against those who go around: every writer has
// to take part.
//
// # Errors
//
// Every refusal of a stale token is a [*StaleError] and matches [sdk.ErrStaleToken]. What may or may
// not have been done matches [sdk.ErrUncertain]. Wrong arguments are an [*sdk.InputError].
package fence
