package stream

import "github.com/lockkeeper/lockkeeper/httpapi/wire"

// Flags say how a kind of request is treated beside its handler.
type flags uint8

const (
	keeps    flags = 1 << iota // gives something up or keeps it alive: may use the last of the places in flight
	undone                     // what it has begun when it is cancelled is undone by itself
	attaches                   // answers with a session, which may have been lost meanwhile
	takes                      // answers with holds, which may have been lost meanwhile
)

// kinds are the requests that there are: the metrics' names of them, what each does, which is to fill
// in the answer or to say why not, and its flags.
var kinds = [wire.MaxRequest + 1]struct {
	name   string
	handle func(*stream, *job) error
	flags  flags
}{
	wire.Hello: {"hello", (*stream).hello, keeps},

	wire.Open:   {"open", (*stream).open, attaches},
	wire.Attach: {"attach", (*stream).attachSession, attaches | keeps},
	wire.Close:  {"close", (*stream).closeSession, keeps},
	wire.Touch:  {"touch", (*stream).touch, keeps},

	wire.Acquire:    {"acquire", (*stream).acquire, takes | undone},
	wire.Enqueue:    {"enqueue", (*stream).enqueue, takes | undone},
	wire.Await:      {"await", (*stream).await, takes | undone},
	wire.Leave:      {"leave", (*stream).leave, keeps},
	wire.Release:    {"release", (*stream).release, keeps},
	wire.Queue:      {"queue", (*stream).queue, 0},
	wire.Downgrade:  {"downgrade", (*stream).downgrade, takes | keeps},
	wire.AcquireAll: {"acquire_all", (*stream).acquireAll, takes | undone},
	wire.ReleaseAll: {"release_all", (*stream).releaseAll, keeps},
	wire.Deadlocks:  {"deadlocks", (*stream).deadlocks, 0},
	wire.Blockers:   {"blockers", (*stream).blockers, 0},

	wire.Fence: {"fence", (*stream).fence, 0},
	wire.Check: {"check", (*stream).check, 0},

	wire.Subscribe:   {"subscribe", (*stream).subscribe, 0},
	wire.Unsubscribe: {"unsubscribe", (*stream).unsubscribe, keeps},

	wire.AcquirePermits: {"acquire_permits", (*stream).acquirePermits, takes | undone},
	wire.EnqueuePermits: {"enqueue_permits", (*stream).enqueuePermits, takes | undone},
	wire.ReleasePermits: {"release_permits", (*stream).releasePermits, keeps},
	wire.Semaphore:      {"semaphore", (*stream).semaphore, 0},
	wire.SetLimit:       {"set_limit", (*stream).setLimit, 0},

	wire.SetBarrier:    {"set_barrier", (*stream).setBarrier, 0},
	wire.RemoveBarrier: {"remove_barrier", (*stream).removeBarrier, keeps},
	wire.AwaitBarrier:  {"await_barrier", (*stream).awaitBarrier, 0},
	wire.Enter:         {"enter", (*stream).enterBarrier, undone},
	wire.Exit:          {"exit", (*stream).leaveBarrier, keeps},
	wire.Barrier:       {"barrier", (*stream).lookAtBarrier, 0},

	wire.GetValue:    {"get_value", (*stream).getValue, 0},
	wire.PutValue:    {"put_value", (*stream).putValue, 0},
	wire.DeleteValue: {"delete_value", (*stream).deleteValue, 0},

	wire.Campaign:   {"campaign", (*stream).campaign, takes | undone},
	wire.Candidates: {"candidates", (*stream).candidates, 0},
	wire.Proclaim:   {"proclaim", (*stream).proclaim, 0},
	wire.HandOver:   {"handover", (*stream).handOver, keeps},
	wire.Observe:    {"observe", (*stream).observe, 0},
}
