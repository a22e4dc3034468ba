package quorum

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"google.golang.org/protobuf/proto"
)

// ErrSnapshot is returned for a file that is not a whole snapshot.
var ErrSnapshot = errors.New("not a whole snapshot")

// A SnapshotFile is a file that [Member.Snapshot] has written, checked and open for reading. Its
// methods are safe for concurrent use.
type SnapshotFile struct {
	Size     int64             // bytes, the checksum included
	Checksum [sha256.Size]byte // of what comes before it
	Revision int64             // of the newest transaction in it

	db *bbolt.DB
}

// OpenSnapshot checks that the file at path matches the checksum at its end and that its database
// is sound, and opens it. It reads the file twice and ends with ctx between the two. Errors of a
// bad file wrap ErrSnapshot. The caller must close it.
func OpenSnapshot(ctx context.Context, path string) (*SnapshotFile, error) {
	s := &SnapshotFile{}
	if err := s.check(ctx, path); err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", path, err)
	}
	var err error
	s.db, err = bbolt.Open(path, 0o400, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w: %w", path, ErrSnapshot, err)
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		var broken error
		for err := range tx.Check() { // its goroutine ends when all is read
			broken = errors.Join(broken, err)
		}
		if broken != nil {
			return broken
		}
		bucket := tx.Bucket(schema.Key.Name())
		if bucket == nil {
			return errors.New("it holds no keys")
		}
		if k, _ := bucket.Cursor().Last(); k != nil {
			s.Revision = mvcc.BytesToBucketKey(k).Main
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("snapshot %s: %w: %w", path, ErrSnapshot, err), s.db.Close())
	}
	return s, nil
}

// check compares the file with the checksum at its end.
func (s *SnapshotFile) check(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// A database is whole pages; what is left over must be the checksum.
	if s.Size = info.Size(); s.Size < sha256.Size || s.Size%512 != sha256.Size {
		return fmt.Errorf("%w: there is no checksum at its end", ErrSnapshot)
	}
	sum := sha256.New()
	if _, err := io.CopyN(contextWriter{ctx, sum}, f, s.Size-sha256.Size); err != nil {
		return err
	}
	if _, err := io.ReadFull(f, s.Checksum[:]); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), s.Checksum[:]) {
		return fmt.Errorf("%w: its checksum does not match", ErrSnapshot)
	}
	return nil
}

// Close closes the file.
func (s *SnapshotFile) Close() error { return s.db.Close() }

// Range calls fn as [Member.Range] does, with the keys that start with prefix, in order, as of the
// snapshot's revision, the only one that rev may be besides 0. It keeps the keys, not their values,
// in memory.
func (s *SnapshotFile) Range(ctx context.Context, prefix string, rev int64, fn func(key string, value []byte, modRev int64) error) (int64, error) {
	if rev != 0 && rev != s.Revision {
		return rev, fmt.Errorf("range at %d: %w", rev, ErrCompacted)
	}
	return s.Revision, s.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(schema.Key.Name())
		newest := map[string][]byte{} // where each key was put last; nil: it was deleted
		for c, k, v := bucket.Cursor(), []byte(nil), []byte(nil); ; {
			if k == nil {
				k, v = c.Last()
			} else {
				k, v = c.Prev()
			}
			if k == nil {
				break
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			kv, err := decodeKV(v)
			if err != nil {
				return err
			}
			key := string(kv.Key)
			if _, seen := newest[key]; seen || !strings.HasPrefix(key, prefix) {
				continue
			}
			if newest[key] = k; mvcc.IsTombstone(k) {
				newest[key] = nil
			}
		}
		for _, key := range slices.Sorted(maps.Keys(newest)) {
			at := newest[key]
			if at == nil {
				continue
			}
			kv, err := decodeKV(bucket.Get(at))
			if err != nil {
				return err
			}
			if err := fn(key, kv.Value, kv.ModRevision); err != nil {
				return err
			}
		}
		return nil
	})
}

func decodeKV(v []byte) (*mvccpb.KeyValue, error) {
	kv := &mvccpb.KeyValue{}
	if err := proto.Unmarshal(v, kv); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return kv, nil
}
