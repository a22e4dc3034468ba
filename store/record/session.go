package record

import (
	"maps"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

// The flags of a session. A field without its flag is zero.
const (
	sessionID      = 1 << iota // ID
	sessionTTL                 // TTL
	sessionOwner               // Owner
	sessionOneShot             // OneShot is true
	sessionLabels              // Labels
	sessionOpened              // Opened
	sessionCzxid               // Czxid
	sessionFlags   = iota
)

// AppendSession appends the value of a session's key. Labels stand in the order of their
// names.
func AppendSession(dst []byte, s *znode.Session) []byte {
	return appendSession(append(dst, Version), s)
}

// DecodeSession reads the value of a session's key. A session without labels has nil Labels.
func DecodeSession(v []byte) (znode.Session, error) {
	r := open("session", v)
	s := r.session()
	if err := r.close(); err != nil {
		return znode.Session{}, err
	}
	return s, nil
}

// appendSession appends a session as part of another record: [reader.session].
func appendSession(dst []byte, s *znode.Session) []byte {
	at := len(dst)
	dst = append(dst, 0)
	var flags byte
	if s.ID != 0 {
		flags |= sessionID
		dst = appendInt64(dst, int64(s.ID))
	}
	if s.TTL != 0 {
		flags |= sessionTTL
		dst = appendInt64(dst, int64(s.TTL))
	}
	if s.Owner != (znode.Owner{}) {
		flags |= sessionOwner
		dst = appendOwner(dst, s.Owner)
	}
	if s.OneShot {
		flags |= sessionOneShot
	}
	if len(s.Labels) > 0 {
		flags |= sessionLabels
		dst = appendLabels(dst, s.Labels)
	}
	if s.Opened != 0 {
		flags |= sessionOpened
		dst = appendInt64(dst, s.Opened)
	}
	if s.Czxid != 0 {
		flags |= sessionCzxid
		dst = appendInt64(dst, s.Czxid)
	}
	dst[at] = flags
	return dst
}

func (r *reader) session() znode.Session {
	var s znode.Session
	flags := r.byte()
	if flags>>sessionFlags != 0 {
		r.fail("unknown flags")
	}
	if flags&sessionID != 0 {
		s.ID = znode.SessionID(r.int64())
		r.present(s.ID != 0)
	}
	if flags&sessionTTL != 0 {
		s.TTL = time.Duration(r.int64())
		r.present(s.TTL != 0)
	}
	if flags&sessionOwner != 0 {
		s.Owner = r.owner()
		r.present(s.Owner != znode.Owner{})
	}
	s.OneShot = flags&sessionOneShot != 0
	if flags&sessionLabels != 0 {
		s.Labels = r.labels()
	}
	if flags&sessionOpened != 0 {
		s.Opened = r.int64()
		r.present(s.Opened != 0)
	}
	if flags&sessionCzxid != 0 {
		s.Czxid = r.int64()
		r.present(s.Czxid != 0)
	}
	return s
}

// isZero reports whether s would be encoded as one byte without a flag.
func isZero(s *znode.Session) bool {
	return s.ID == 0 && s.TTL == 0 && s.Owner == znode.Owner{} && !s.OneShot &&
		len(s.Labels) == 0 && s.Opened == 0 && s.Czxid == 0
}

func appendOwner(dst []byte, o znode.Owner) []byte {
	return appendInt64(appendFixed64(dst, o.Member), o.Generation)
}

func (r *reader) owner() znode.Owner {
	return znode.Owner{Member: r.fixed64(), Generation: r.int64()}
}

// minLabel is the least that a label takes: two empty strings.
const minLabel = 2

func appendLabels(dst []byte, labels map[string]string) []byte {
	dst = appendCount(dst, len(labels))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		dst = appendString(dst, name)
		dst = appendString(dst, labels[name])
	}
	return dst
}

func (r *reader) labels() map[string]string {
	n := r.count(minLabel)
	r.present(n > 0)
	// No room is made ahead: a map's entry takes much more than the two bytes checked for.
	labels := make(map[string]string)
	last := ""
	r.each(n, minLabel, func(i int) {
		name, value := r.string(), r.string()
		if i > 0 && name <= last {
			r.fail("labels out of order")
			return
		}
		labels[name], last = value, name
	})
	return labels
}
