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
	led      = "excludes, queues, each sees who leads; a hand-over to it or past it is refused"
	knotted  = "seen; the request of ours that closes the cycle is refused; a cycle of clients alone is listed"
)

// absent is a meeting with a client that does not have the recipe.
func absent(why string) meeting { return meeting{what: noTwin, why: why} }

// untried is a meeting that no test shows.
func untried(why string) meeting { return meeting{what: leftOut, why: why} }

func shown(twin, what string, tests ...string) meeting {
	return meeting{twin: twin, what: what, tests: tests}
}

// The doors that tests take in turn. The SDK speaks the stream.
const (
	allDoors = "REST, SDK, command line"
	programs = "REST, SDK"
)

// recipes are the rows of the table. They promise what the tests show, and nothing more.
var recipes = []recipe{
	{
		"mutex", allDoors,
		shown("`InterProcessMutex`", excludes, "clients TestEveryDoorQueues", "internal/faults TestMixedDoors"),
		shown("`Lock` with `extra_lock_patterns`", excludes, "clients TestEveryDoorQueues", "internal/faults TestMixedDoors"),
		shown("`Lock`", excludes, "clients TestOneLockTwoDoors", "clients TestEveryDoorQueues", "internal/faults TestMixedDoors"),
	},
	{
		"mutex, `compat=all`", allDoors,
		shown("`InterProcessMutex`", excludes, "clients TestCompatAll"),
		shown("`Lock`, `ReadLock`, `WriteLock`", excludes, "clients TestCompatAll"),
		shown("`Lock`", excludes, "clients TestCompatAll"),
	},
	{
		"forced release", allDoors,
		shown("`InterProcessMutex`", "loses the lock, finds its znode gone", "clients TestForce"),
		shown("`Lock`", "loses the lock, finds its znode gone", "clients TestForce"),
		shown("`Lock`", "loses the lock", "clients TestOneLockTwoDoors"),
	},
	{
		"read-write lock", allDoors,
		shown("`InterProcessReadWriteLock`", "readers share, writers exclude, queues", "clients TestReadWriteLocks"),
		untried("kazoo's `ReadLock` and `WriteLock` look at kazoo's names only; take `compat=all`"),
		shown("no read-write lock; `Lock`", "keeps our reader away", "clients TestReadWriteCompatAll"),
	},
	{
		"read-write lock, `compat=all`", allDoors,
		shown("`InterProcessReadWriteLock`, `InterProcessMutex`", "readers share, writers and the mutex exclude, either way round", "clients TestReadWriteCompatAll"),
		shown("`ReadLock`, `WriteLock`, `Lock`", "readers share, the others exclude, either way round; but its `Lock` takes no notice of readers, kazoo's own or ours: use its `WriteLock`", "clients TestReadWriteCompatAll"),
		shown("`Lock`", "our reader excludes it, it excludes both", "clients TestReadWriteCompatAll"),
	},
	{
		"several locks", allDoors,
		shown("`InterProcessMultiLock`", excludes, "clients TestMultiLocks"),
		absent("each lock is kazoo's `Lock`, as above"),
		absent("each lock is its `Lock`, as above"),
	},
	{
		"several locks, `compat=all`", allDoors,
		shown("`InterProcessMutex`", excludes, "clients TestMultiLocks"),
		shown("`Lock`", excludes, "clients TestMultiLocks"),
		shown("`Lock`", excludes, "clients TestMultiLocks"),
	},
	{
		"lock-delay", allDoors,
		shown("`InterProcessMutex`, `InterProcessReadWriteLock`", "waits while the lock rests", "clients TestLockDelay"),
		shown("`Lock` with `extra_lock_patterns`, or with our `compat=all`", "waits while the lock rests", "clients TestLockDelay"),
		shown("`Lock`", "waits while the lock rests", "clients TestLockDelay"),
	},
	{
		"semaphore", allDoors,
		shown("`InterProcessSemaphoreV2` with a `SharedCount`", "shares permits and the limit, queues", "clients TestSemaphores"),
		untried("kazoo's `Semaphore` counts the children of the path itself, Curator's those of `leases` below it; one semaphore cannot be both"),
		absent("it has no semaphore"),
	},
	{
		"election", allDoors,
		shown("`LeaderSelector`", led, "clients TestElections"),
		untried("kazoo's `Election` looks at kazoo's names only; take `compat=all`"),
		absent("it has no election"),
	},
	{
		"election, `compat=latch`", allDoors,
		shown("`LeaderLatch`", led, "clients TestElections"),
		absent("kazoo has no latch"),
		absent("it has no election"),
	},
	{
		"election, `compat=all`", allDoors,
		shown("`LeaderSelector`", led, "clients TestElections"),
		shown("`Election`", led, "clients TestElections"),
		absent("it has no election"),
	},
	{
		"barrier", allDoors,
		shown("`DistributedBarrier`", "holds back, either way round", "clients TestBarrierOfEveryDoor"),
		shown("`Barrier`", "holds back, either way round", "clients TestBarrierOfEveryDoor"),
		absent("it has no barrier"),
	},
	{
		"double barrier", programs,
		shown("`DistributedDoubleBarrier`", "enter and leave together", "clients TestDoubleBarrierOfEveryDoor"),
		shown("`DoubleBarrier`", "enter and leave together; who comes while one of kazoo's leaves does not pass at once", "clients TestDoubleBarrierOfEveryDoor"),
		absent("it has no barrier"),
	},
	{
		"guarded write", programs,
		shown("`InterProcessMutex`", "its czxid guards, and it sees the write", "clients TestGuardedWriteOfEveryDoor"),
		shown("`Lock`", "its czxid guards, and it sees the write", "clients TestGuardedWriteOfEveryDoor"),
		shown("`Lock`", "its czxid guards, and it sees the write", "clients TestGuardedWriteOfEveryDoor"),
	},
	{
		"deadlocks", programs,
		shown("`InterProcessMutex`", knotted, "clients TestDeadlocks"),
		shown("`Lock` with `extra_lock_patterns`", knotted, "clients TestDeadlocks"),
		shown("`Lock`", knotted, "clients TestDeadlocks"),
	},
}
