package stream

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/value"
)

// values returns what serves requests about values, once their name is checked.
func (s *stream) values(j *job) (Values, error) {
	if s.door.cfg.Values == nil {
		return nil, errKind
	}
	limit := s.door.limits.MaxNameBytes
	return s.door.cfg.Values, errors.Join(within("name", len(j.request.Name), limit), within("lock", len(j.request.Lock), limit))
}

func (s *stream) getValue(j *job) error {
	values, err := s.values(j)
	if err != nil {
		return err
	}
	// It may be as long as ZooKeeper's clients have made it.
	if err := s.awaitLarge(j); err != nil {
		return err
	}
	v, err := values.Get(j, j.request.Name, lock.Read{Linearizable: true})
	if err != nil {
		return err
	}
	if room := s.door.limits.MaxFrameBytes / 2; len(v.Data) > room {
		return fmt.Errorf("it has %d bytes, a message of this stream has room for %d: %w", len(v.Data), room, value.ErrTooLong)
	}
	valueFields(&j.answer, &v)
	j.answer.Data = v.Data
	return nil
}

func (s *stream) putValue(j *job) error {
	values, err := s.values(j)
	if err != nil {
		return err
	}
	guard, version, err := guardOf(&j.request)
	if err != nil {
		return err
	}
	v, err := values.Put(j, j.request.Name, j.request.Data, version, guard)
	if err != nil {
		return err
	}
	valueFields(&j.answer, &v)
	return nil
}

func (s *stream) deleteValue(j *job) error {
	values, err := s.values(j)
	if err != nil {
		return err
	}
	guard, version, err := guardOf(&j.request)
	if err != nil {
		return err
	}
	j.answer.Revision, err = values.Delete(j, j.request.Name, version, guard)
	return err
}

// guardOf reads on what condition a write is to happen.
func guardOf(f *wire.Frame) (value.Guard, int32, error) {
	if f.DataVersion < -1 || f.DataVersion > math.MaxInt32 {
		return value.Guard{}, 0, badInput("data_version", "is not a version", "give the one of an earlier answer, or -1 for any")
	}
	return value.Guard{Lock: f.Lock, Token: lock.Token(f.Token)}, int32(f.DataVersion), nil
}

func valueFields(f *wire.Frame, v *value.Value) {
	f.Name, f.DataVersion, f.Mzxid, f.Session = v.Name, int64(v.Version), v.Mzxid, uint64(v.Owner)
	f.SinceMS, f.TimeMS, f.Revision = unixMillis(v.Created), unixMillis(v.Modified), v.Revision
}

// valueExtras adds what the errors of values know besides their text.
func valueExtras(f *wire.Frame, err error) {
	if e, ok := errors.AsType[*value.NotHolderError](err); ok {
		f.Name, f.Token, f.Revision = e.Lock, int64(e.Token), e.Revision
		if e.Holder.Token != 0 {
			f.Contenders = []wire.Contender{contenderOf(&e.Holder)}
		}
	}
	if e, ok := errors.AsType[*value.VersionError](err); ok {
		f.Name, f.DataVersion, f.Revision = e.Name, int64(e.Actual), e.Revision
	}
}
