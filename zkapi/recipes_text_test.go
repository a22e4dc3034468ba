package zkapi_test

// A recipe of ours, and what becomes of it beside each client of ZooKeeper.
type recipe struct {
	ours    string
	doors   string // that the tests take
	curator meeting
	kazoo   meeting
	goZK    meeting
}

// A meeting says what holds between a recipe of ours and a client's, and either which tests show it
// or why there is nothing to show.
type meeting struct {
	twin  string // what the client calls it; empty where that is plain
	what  string
	tests []string
	why   string
}

const (
	excludes = "excludes, queues"
	noTwin   = "no twin exists"
	leftOut  = "left out"
)

// absent is a meeting with a client that does not have the recipe.
func absent(why string) meeting { return meeting{what: noTwin, why: why} }

// untried is a meeting that no test shows.
func untried(why string) meeting { return meeting{what: leftOut, why: why} }

func shown(twin, what string, tests ...string) meeting {
	return meeting{twin: twin, what: what, tests: tests}
}

// recipes are the rows of the table. They promise what the tests show, and nothing more.
var recipes = []recipe{
	{
		"mutex", "REST, SDK",
		shown("`InterProcessMutex`", excludes, "clients TestEveryDoorQueues", "internal/faults TestMixedDoors"),
		shown("`Lock` with `extra_lock_patterns`", excludes, "clients TestEveryDoorQueues", "internal/faults TestMixedDoors"),
		shown("`Lock`", excludes, "clients TestOneLockTwoDoors", "clients TestEveryDoorQueues", "internal/faults TestMixedDoors"),
	},
	{
		"mutex, `compat=all`", "REST",
		shown("`InterProcessMutex`", excludes, "clients TestCompatAll"),
		shown("`Lock`, `ReadLock`, `WriteLock`", excludes, "clients TestCompatAll"),
		shown("`Lock`", "excludes; ours waits for it, it waits for ours", "clients TestCompatAll"),
	},
	{
		"forced release", "REST",
		shown("`InterProcessMutex`", "loses the lock, finds its znode gone", "clients TestForceCurator"),
		untried("not tried"),
		shown("`Lock`", "loses the lock", "clients TestOneLockTwoDoors"),
	},
	{
		"read-write lock", "SDK",
		shown("`InterProcessReadWriteLock`", "readers share, writers exclude, queues", "clients TestReadWriteLocks"),
		untried("kazoo's `ReadLock` and `WriteLock` look at kazoo's names only; take `compat=all`"),
		shown("no read-write lock; `Lock`", "keeps our reader away", "clients TestReadWriteCompatAll"),
	},
	{
		"read-write lock, `compat=all`", "SDK",
		shown("`InterProcessMutex`", "our reader and our writer exclude it, it excludes our writer", "clients TestReadWriteCompatAll"),
		shown("`ReadLock`, `WriteLock`", "readers share, writers exclude", "clients TestReadWriteCompatAll"),
		shown("`Lock`", "our reader excludes it", "clients TestReadWriteCompatAll"),
	},
	{
		"several locks", "SDK",
		shown("`InterProcessMultiLock`", excludes, "clients TestMultiLocks"),
		absent("each lock is kazoo's `Lock`, as above"),
		absent("each lock is its `Lock`, as above"),
	},
	{
		"lock-delay", "REST",
		shown("`InterProcessMutex`", "waits while the lock rests", "clients TestLockDelayAndCurator"),
		untried("not tried"),
		untried("not tried"),
	},
	{
		"semaphore", "SDK",
		shown("`InterProcessSemaphoreV2` with a `SharedCount`", "shares permits and the limit, queues", "clients TestSemaphores"),
		untried("kazoo's `Semaphore` has another layout, and is not counted"),
		absent("it has no semaphore"),
	},
	{
		"election", "SDK",
		shown("`LeaderSelector`", "excludes, queues, each sees who leads; a hand-over to it or past it is refused", "clients TestElections"),
		untried("kazoo's `Election` looks at kazoo's names only; take `compat=all`"),
		absent("it has no election"),
	},
	{
		"election, `compat=latch`", "SDK",
		shown("`LeaderLatch`", "excludes, queues, each sees who leads; a hand-over to it or past it is refused", "clients TestElections"),
		absent("kazoo has no latch"),
		absent("it has no election"),
	},
	{
		"election, `compat=all`", "SDK",
		untried("not tried beside `LeaderSelector`; take it as it is"),
		shown("`Election`", "excludes, queues, each sees who leads; a hand-over to it or past it is refused", "clients TestElections"),
		absent("it has no election"),
	},
	{
		"barrier", "SDK",
		shown("`DistributedBarrier`", "holds back, either way round", "clients TestBarrierOfEveryDoor"),
		shown("`Barrier`", "holds back, either way round", "clients TestBarrierOfEveryDoor"),
		absent("it has no barrier"),
	},
	{
		"double barrier", "SDK",
		shown("`DistributedDoubleBarrier`", "enter and leave together", "clients TestDoubleBarrierOfEveryDoor"),
		shown("`DoubleBarrier`", "enter only: it leaves by rules of its own", "clients TestDoubleBarrierOfEveryDoor"),
		absent("it has no barrier"),
	},
	{
		"guarded write", "SDK",
		untried("not tried; the czxid is the token, as with every client"),
		untried("not tried; the czxid is the token, as with every client"),
		shown("`Lock`", "its czxid guards, and it sees the write", "clients TestGuardedWriteOfEveryDoor"),
	},
	{
		"deadlocks", "REST, SDK",
		untried("not tried; its contenders are seen as those of the others"),
		shown("`Lock` with `extra_lock_patterns`", "seen; the request of ours that closes the cycle is refused", "clients TestDeadlocks"),
		shown("`Lock`", "seen; the request of ours that closes the cycle is refused; a cycle of its clients alone is listed", "clients TestDeadlocks"),
	},
}
