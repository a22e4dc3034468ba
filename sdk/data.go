package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A Data is a znode whose bytes are read and written, plainly or on condition that a lock is held. Its
// methods are safe for concurrent use.
type Data struct {
	client *Client
	path   string
}

// Data returns the data of the znode at path, without its leading slash. It asks nobody.
func (c *Client) Data(path string) *Data { return &Data{client: c, path: path} }

// A Value is the data of a znode at one moment.
type Value struct {
	Path     string
	Data     []byte    // of Get
	Version  int       // how often it was changed
	Created  time.Time // by the service's clock
	Modified time.Time // by the service's clock
	Session  SessionID // of an ephemeral znode
	Revision int64     // of the service's tree, which grows with every change
}

// A WriteOption says on what condition a write is to happen.
type WriteOption func(*write)

type write struct {
	lock    string
	token   Token
	hold    *Hold
	version int64
}

// IfHeld lets a write happen only while hold is held, by the service's word: one that comes too late
// is refused with a [*NotHolderError], even where this program has not noticed yet.
func IfHeld(hold *Hold) WriteOption {
	return func(w *write) { w.hold, w.lock, w.token = hold, hold.name, hold.token }
}

// IfToken is [IfHeld] for a token that was handed on: the write happens only while token holds lock.
func IfToken(lock string, token Token) WriteOption {
	return func(w *write) { w.hold, w.lock, w.token = nil, lock, token }
}

// IfVersion lets a write happen only where the data is of that version; otherwise the error is a
// [*VersionError]. What was done and is sent again, because the connection broke, is refused so, too.
func IfVersion(version int) WriteOption { return func(w *write) { w.version = int64(version) } }

// Get returns the data. It sees every write that had returned. The error matches [ErrNoValue] where
// there is none, and [ErrNotPermitted] where an ACL forbids everybody to read it.
func (d *Data) Get(ctx context.Context) (Value, error) {
	k := d.client.newCall(nil)
	k.frame.Kind, k.frame.Name = wire.GetValue, d.path
	answer, err := d.client.ask(ctx, k)
	if err != nil {
		return Value{}, fmt.Errorf("read %q: %w", d.path, err)
	}
	v := d.value(answer)
	v.Data = answer.Data
	return v, nil
}

// Put writes the data, and creates the znode where there is none. If ctx ends first the error matches
// [ErrUncertain]: it may have been written, or may be still. Other errors: a [*NotHolderError], a
// [*VersionError], one that matches [ErrNotPermitted], [ErrNotAValue] or [ErrTooLarge]; and, without
// asking anybody, why the hold of [IfHeld] has ended. The Value returned has no Data.
func (d *Data) Put(ctx context.Context, data []byte, opts ...WriteOption) (Value, error) {
	k, err := d.write(wire.PutValue, opts)
	if err != nil {
		return Value{}, fmt.Errorf("write %q: %w", d.path, err)
	}
	k.frame.Data = data
	answer, err := d.client.ask(ctx, k)
	if err = unsure(ctx, err); err != nil {
		return Value{}, fmt.Errorf("write %q: %w", d.path, err)
	}
	return d.value(answer), nil
}

// Delete deletes the znode. Its errors are those of Put, and one that matches [ErrNoValue] where
// there is none.
func (d *Data) Delete(ctx context.Context, opts ...WriteOption) error {
	k, err := d.write(wire.DeleteValue, opts)
	if err == nil {
		_, err = d.client.ask(ctx, k)
		err = unsure(ctx, err)
	}
	if errors.Is(err, ErrNoValue) && k.sends > 1 {
		err = nil // the echo of its own success
	}
	if err != nil {
		return fmt.Errorf("delete %q: %w", d.path, err)
	}
	return nil
}

func (d *Data) write(kind wire.Kind, opts []WriteOption) (*call, error) {
	w := write{version: -1}
	for _, o := range opts {
		o(&w)
	}
	if w.hold != nil {
		if err := w.hold.Err(); err != nil {
			return nil, err
		}
	}
	k := d.client.newCall(nil)
	k.frame.Kind, k.frame.Name, k.frame.DataVersion = kind, d.path, w.version
	k.frame.Lock, k.frame.Token = w.lock, int64(w.token)
	return k, nil
}

func (d *Data) value(f *wire.Frame) Value {
	return Value{
		Path: d.path, Version: int(f.DataVersion), Created: millis(f.SinceMS), Modified: millis(f.TimeMS),
		Session: SessionID(f.Session), Revision: f.Revision,
	}
}

// Put writes data to the znode at path, while the lock is held and not after: [Data.Put] with
// [IfHeld].
func (h *Hold) Put(ctx context.Context, path string, data []byte) error {
	_, err := h.session.client.Data(path).Put(ctx, data, IfHeld(h))
	return err
}

// A NotHolderError says who holds a lock in the place of a write's token. It matches [ErrNotHolder].
type NotHolderError struct {
	Name   string // of the lock
	Token  Token
	Holder Contender // zero where the lock is free
}

func (e *NotHolderError) Error() string {
	if e.Holder.Token == 0 {
		return fmt.Sprintf("token %d does not hold lock %q, which is free", e.Token, e.Name)
	}
	return fmt.Sprintf("token %d does not hold lock %q, which is held%s", e.Token, e.Name, describe(&e.Holder))
}

// Is reports whether target is [ErrNotHolder].
func (e *NotHolderError) Is(target error) bool { return target == ErrNotHolder }

// A VersionError says of which version data is. It matches [ErrVersion].
type VersionError struct {
	Path   string
	Actual int // -1: there is none
}

func (e *VersionError) Error() string {
	if e.Actual < 0 {
		return fmt.Sprintf("%q has no data", e.Path)
	}
	return fmt.Sprintf("%q is of version %d", e.Path, e.Actual)
}

// Is reports whether target is [ErrVersion].
func (e *VersionError) Is(target error) bool { return target == ErrVersion }
