package value

import (
	"context"
	"fmt"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// tries bounds how often a write is tried anew that others have overtaken.
const tries = 8

// Put writes a value, and creates it, persistent and open to all, where there is none: then its
// missing parents become containers. A version other than AnyVersion must be that of the value that
// is there. The Value answered has no Data.
//
// Errors: a [*NotHolderError] where the guard's token does not hold; a [*VersionError];
// [znode.ErrNoAuth] where an ACL forbids it; one that matches ErrNotAValue where the znode is a
// container, ephemeral, or a place in a queue, or would stand in the directory of a lock that is held.
func (v *Values) Put(ctx context.Context, name string, data []byte, version int32, g Guard) (Value, error) {
	if len(data) > v.cfg.MaxBytes {
		return Value{}, fmt.Errorf("%d bytes, of at most %d: %w", len(data), v.cfg.MaxBytes, ErrTooLong)
	}
	if data == nil {
		data = []byte{}
	}
	op := func(path string, s *sight) (znode.Op, error) {
		switch {
		case s.found && s.kind != znode.Persistent && s.kind != znode.TTL:
			return znode.Op{}, fmt.Errorf("%q is %s: %w", name, s.kind, ErrNotAValue)
		case s.found:
			return znode.Op{Kind: znode.OpSetData, Path: path, Data: data, Version: version, Czxid: s.stat.Czxid}, nil
		case version != AnyVersion:
			return znode.Op{}, &VersionError{Name: name, Version: version, Actual: -1, Revision: s.revision}
		case s.inLock:
			return znode.Op{}, fmt.Errorf("%q would stand in the directory of a lock that is held: %w", name, ErrNotAValue)
		}
		return znode.Op{Kind: znode.OpCreate, Path: path, Data: data, ACL: znode.OpenACL, Parents: true}, nil
	}
	out, err := v.write(ctx, name, version, g, op)
	if err != nil {
		return Value{}, err
	}
	last := out.Results[len(out.Results)-1]
	return valueOf(name, nil, &last.Stat, out.Revision), nil
}

// Delete deletes a value, and returns the revision at which it was gone. Its errors are those of Put,
// besides one that matches [ErrNone] where there is none, and ErrNotAValue where others stand below it.
func (v *Values) Delete(ctx context.Context, name string, version int32, g Guard) (revision int64, err error) {
	op := func(path string, s *sight) (znode.Op, error) {
		switch {
		case !s.found:
			return znode.Op{}, fmt.Errorf("%q: %w", name, ErrNone)
		case s.kind != znode.Persistent && s.kind != znode.TTL:
			return znode.Op{}, fmt.Errorf("%q is %s: %w", name, s.kind, ErrNotAValue)
		}
		return znode.Op{Kind: znode.OpDelete, Path: path, Version: version, Czxid: s.stat.Czxid}, nil
	}
	out, err := v.write(ctx, name, version, g, op)
	return out.Revision, err
}

// write does what op makes of what stands at a path, under the guard. What op refuses is looked at
// anew after a sync: another member may have changed it a moment ago.
func (v *Values) write(ctx context.Context, name string, version int32, g Guard, op func(path string, s *sight) (znode.Op, error)) (znode.Outcome, error) {
	path, err := lock.Path(name)
	if err != nil {
		return znode.Outcome{}, err
	}
	if err := checkPlace(name); err != nil {
		return znode.Outcome{}, err
	}
	if version < AnyVersion {
		return znode.Outcome{}, &lease.InputError{Field: "version", Problem: fmt.Sprintf("is %d", version), Fix: "give the version of an earlier answer, or leave it out"}
	}
	held, err := g.ops()
	if err != nil {
		return znode.Outcome{}, err
	}
	synced := false
	for range tries {
		s := v.look(path)
		change, err := op(path, &s)
		if err != nil && !synced {
			if err := v.store.Sync(ctx); err != nil {
				return znode.Outcome{}, err
			}
			synced = true
			continue
		}
		if err != nil {
			return znode.Outcome{}, v.guarded(ctx, g, held, err)
		}
		out, err := v.store.Do(ctx, &znode.Request{Ops: append(held[:len(held):len(held)], change)})
		switch {
		case err != nil:
			return znode.Outcome{}, err
		case out.Code == znode.OK:
			return out, nil
		case out.Code == znode.ErrNotHolder:
			return znode.Outcome{}, v.notHolder(ctx, g, &out)
		case out.Code == znode.ErrBadVersion:
			if s = v.look(path); s.found {
				return znode.Outcome{}, &VersionError{Name: name, Version: version, Actual: s.stat.Version, Revision: out.Revision}
			}
		case out.Code == znode.ErrNodeExists, out.Code == znode.ErrNoNode:
			// It came or went meanwhile.
		case out.Code == znode.ErrNotEmpty, out.Code == znode.ErrNoChildrenForEphemerals:
			return znode.Outcome{}, fmt.Errorf("%q: %w: %w", name, out.Code, ErrNotAValue)
		case out.Code == znode.ErrBadArguments:
			return znode.Outcome{}, &lease.InputError{Field: "name", Problem: "is too long, or has too many parts", Fix: "choose another name"}
		default:
			return znode.Outcome{}, out.Code
		}
	}
	return znode.Outcome{}, store.ErrUnavailable
}

// ops is the operation that passes only where the guard's token holds; none without a guard.
func (g Guard) ops() ([]znode.Op, error) {
	switch {
	case g == Guard{}:
		return nil, nil
	case g.Lock == "":
		return nil, &lease.InputError{Field: "lock", Problem: "is missing beside if_token", Fix: "name the lock that the token is of"}
	case g.Token <= 0 || g.Token >= 1<<53:
		return nil, &lease.InputError{Field: "if_token", Problem: "is missing beside lock, or is no token", Fix: "give the token that the acquire answered"}
	}
	path, err := lock.Path(g.Lock)
	if err != nil {
		return nil, err
	}
	return []znode.Op{{Kind: znode.OpHeld, Path: path, Czxid: int64(g.Token)}}, nil
}

// guarded returns why a write was not even tried: err, or that the guard does not hold, which a
// former holder must hear first.
func (v *Values) guarded(ctx context.Context, g Guard, held []znode.Op, err error) error {
	if len(held) == 0 {
		return err
	}
	out, failed := v.store.Do(ctx, &znode.Request{Ops: held})
	switch {
	case failed != nil:
		return failed
	case out.Code == znode.ErrNotHolder:
		return v.notHolder(ctx, g, &out)
	}
	return err
}

// notHolder says who holds the guard's lock.
func (v *Values) notHolder(ctx context.Context, g Guard, out *znode.Outcome) error {
	e := &NotHolderError{Lock: g.Lock, Token: g.Token, Revision: out.Revision}
	if q, err := v.locks.Queue(ctx, g.Lock, 1, store.Read{}); err == nil && len(q.Contenders) > 0 && q.Contenders[0].State == lock.Held {
		e.Holder = q.Contenders[0]
	}
	return e
}
