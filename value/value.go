// Package value reads and writes the data of znodes: plainly, as any ZooKeeper client may, or on the
// condition that a lock is held.
//
// # Guarantees
//
// A guarded write happens only where the lock named is held by the token given, in one step with the
// check: once the lock has passed on, or its holder's session has ended, a late write of the former
// holder is refused. ZooKeeper's clients see what was written at once.
//
// # What this is not
//
// A guard protects what is written through it. Whoever writes to the same znode without one, by this
// package or as a ZooKeeper client, is held back by nothing but its ACL.
package value

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// DefaultMaxBytes is how long a value may be when the [Config] does not say.
const DefaultMaxBytes = 64 << 10

// A Config bounds what a Values does. The zero Config has the defaults.
type Config struct {
	MaxBytes int // of one value that is written
}

// The sentinels of this package. Those with a type say more; see there.
var (
	// ErrNotHolder is returned for a guarded write whose token does not hold. See [NotHolderError].
	ErrNotHolder = errors.New("the token does not hold the lock")
	// ErrVersion is returned where a value is not of the version expected. See [VersionError].
	ErrVersion = errors.New("the value is of another version")
	// ErrNone is returned where there is no value.
	ErrNone = errors.New("no such value")
	// ErrNotAValue is returned where a znode must not be written or deleted in this way.
	ErrNotAValue = errors.New("not a place for a value")
	// ErrTooLong is returned for a value that is longer than allowed.
	ErrTooLong = errors.New("the value is too long")
)

// A NotHolderError says who holds a lock in the place of the token given. It matches [ErrNotHolder].
type NotHolderError struct {
	Lock     string
	Token    lock.Token
	Holder   lock.Contender // zero Token where the lock is free
	Revision int64
}

func (e *NotHolderError) Error() string {
	if e.Holder.Token == 0 {
		return fmt.Sprintf("token %d does not hold lock %q, which is free", e.Token, e.Lock)
	}
	who := e.Holder.Owner
	if who == "" {
		who = "session " + lease.FormatID(e.Holder.Session)
	}
	return fmt.Sprintf("token %d does not hold lock %q, which is held by %s with token %d", e.Token, e.Lock, who, e.Holder.Token)
}

// Is reports whether target is [ErrNotHolder].
func (e *NotHolderError) Is(target error) bool { return target == ErrNotHolder }

// A VersionError says of which version a value is. It matches [ErrVersion].
type VersionError struct {
	Name     string
	Version  int32 // expected
	Actual   int32 // -1: there is no value
	Revision int64
}

func (e *VersionError) Error() string {
	if e.Actual < 0 {
		return fmt.Sprintf("value %q is not of version %d: there is none", e.Name, e.Version)
	}
	return fmt.Sprintf("value %q is not of version %d but of version %d", e.Name, e.Version, e.Actual)
}

// Is reports whether target is [ErrVersion].
func (e *VersionError) Is(target error) bool { return target == ErrVersion }

// AnyVersion is the version that matches every value, and none.
const AnyVersion int32 = -1

// A Guard is the lock that must be held for a write to happen. The zero Guard lets it happen anyway.
type Guard struct {
	Lock  string
	Token lock.Token
}

// A Value is the data of a znode.
type Value struct {
	Name     string
	Data     []byte // nil: the znode has none, which is not the same as empty; not to be modified
	Version  int32  // how often it was changed
	Created  time.Time
	Modified time.Time // both by the writer's clock
	Czxid    int64     // of its creation
	Mzxid    int64     // of its last change
	Owner    lease.ID  // of an ephemeral znode
	Revision int64
}

// A Values reads and writes values through one member. Its methods are safe for concurrent use.
type Values struct {
	cfg   Config
	locks *lock.Locker
	store *store.Store
}

// New returns a Values. Bind must be called on it before anything else.
func New(cfg Config) *Values {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	return &Values{cfg: cfg}
}

// Bind says which locks guard the values and which store they live in.
func (v *Values) Bind(locks *lock.Locker, st *store.Store) { v.locks, v.store = locks, st }

// Get returns a value. Its error matches [ErrNone] where there is none, and is [znode.ErrNoAuth]
// where an ACL forbids everybody to read it.
func (v *Values) Get(ctx context.Context, name string, fresh store.Read) (Value, error) {
	path, err := lock.Path(name)
	if err != nil {
		return Value{}, err
	}
	if err := v.store.Fresh(ctx, fresh); err != nil {
		return Value{}, err
	}
	s := v.look(path)
	switch {
	case !s.found:
		return Value{}, fmt.Errorf("%q: %w", name, ErrNone)
	case !s.readable:
		return Value{}, znode.ErrNoAuth
	}
	return valueOf(name, s.data, &s.stat, s.revision), nil
}

func valueOf(name string, data []byte, s *znode.Stat, revision int64) Value {
	return Value{
		Name: name, Data: data, Version: s.Version,
		Created: time.UnixMilli(s.Ctime), Modified: time.UnixMilli(s.Mtime),
		Czxid: s.Czxid, Mzxid: s.Mzxid, Owner: lease.ID(s.EphemeralOwner), Revision: revision,
	}
}

// A sight is what this member's tree shows of a znode.
type sight struct {
	found    bool
	readable bool // by everybody
	kind     znode.Kind
	data     []byte
	stat     znode.Stat
	inLock   bool // its parent is a lock that somebody holds
	revision int64
}

func (v *Values) look(path string) (s sight) {
	v.store.View(func(t *znode.Tree, revision int64) {
		s.revision = revision
		dir, _ := znode.Split(path)
		if parent, ok := t.Get(dir); ok {
			s.inLock = parent.NumContenders() > 0
		}
		n, ok := t.Get(path)
		if !ok {
			return
		}
		s.found, s.kind, s.data, s.stat = true, n.Kind(), n.Data(), n.Stat()
		s.readable = znode.Permits(n.ACL(), nil, znode.PermRead)
	})
	return s
}

// checkPlace says so where a name is that of a place in a queue: who holds must be decided by the
// recipes alone.
func checkPlace(name string) error {
	_, last := znode.Split("/" + name)
	if znode.Place(last) {
		return fmt.Errorf("%q is named like a place in the queue of a lock, a semaphore or an election: %w", name, ErrNotAValue)
	}
	return nil
}
