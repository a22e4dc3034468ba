package sdk

// An optionSet is options that not every recipe takes.
type optionSet uint8

const (
	reentrantOption optionSet = 1 << iota
	lockDelayOption
	compatAllOption
	compatLatchOption
	deadlockOption
	permitsOption
	priorityOption
	handOverOption
)

// A recipe is what locks are taken by, and says which of these options it takes.
type recipe struct {
	name  string // for people
	takes optionSet
}

var (
	ofMutex     = &recipe{"a Mutex", reentrantOption | lockDelayOption | compatAllOption | deadlockOption}
	ofRWMutex   = &recipe{"an RWMutex", ofMutex.takes}
	ofMultiLock = &recipe{"a MultiLock", ofMutex.takes &^ reentrantOption}
	ofSemaphore = &recipe{"a Semaphore", permitsOption}
	ofElection  = &recipe{"an Election", compatAllOption | compatLatchOption | deadlockOption | priorityOption | handOverOption}
)

// optionNames are how errors call the options.
var optionNames = []struct {
	option      optionSet
	field, name string
}{
	{reentrantOption, "Reentrant", "WithReentrant"},
	{lockDelayOption, "LockDelay", "WithLockDelay"},
	{compatAllOption, "Compat", "WithCompatAll"},
	{compatLatchOption, "Compat", "WithCompatLatch"},
	{deadlockOption, "Deadlock", "WithDeadlock"},
	{permitsOption, "Permits", "WithPermits"},
	{priorityOption, "Priority", "WithPriority"},
	{handOverOption, "HandOver", "WithoutHandOver"},
}

// refuse returns an error that names the first option which the recipe would have to leave aside.
func (r *recipe) refuse(given optionSet) error {
	for _, o := range optionNames {
		if given&^r.takes&o.option != 0 {
			return &InputError{Field: o.field, Problem: "does not go with " + r.name, Fix: "leave " + o.name + " out there"}
		}
	}
	return nil
}
