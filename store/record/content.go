package record

import "github.com/lockkeeper/lockkeeper/znode"

// The flags of a content. A field without its flag is zero, or equal to the one it follows.
const (
	contentData     = 1 << iota // Data is not nil
	contentKind                 // Kind
	contentTTL                  // TTL
	contentOwner                // Owner
	contentMzxid                // Mzxid is not Czxid
	contentMtime                // Mtime is not Ctime
	contentVersion              // Version
	contentAversion             // Aversion
)

// AppendContent appends the value of a znode's own key. Nil data stays apart from empty data.
func AppendContent(dst []byte, c *znode.Content) []byte {
	dst = append(dst, Version)
	at := len(dst)
	dst = append(dst, 0)
	var flags byte
	dst = appendACL(dst, c.ACL)
	dst = appendInt64(dst, c.Czxid)
	dst = appendInt64(dst, c.Ctime)
	if c.Kind != 0 {
		flags |= contentKind
		dst = append(dst, byte(c.Kind))
	}
	if c.TTL != 0 {
		flags |= contentTTL
		dst = appendInt64(dst, c.TTL)
	}
	if c.Owner != 0 {
		flags |= contentOwner
		dst = appendInt64(dst, int64(c.Owner))
	}
	if c.Mzxid != c.Czxid {
		flags |= contentMzxid
		dst = appendDelta(dst, c.Mzxid-c.Czxid)
	}
	if c.Mtime != c.Ctime {
		flags |= contentMtime
		dst = appendDelta(dst, c.Mtime-c.Ctime)
	}
	if c.Version != 0 {
		flags |= contentVersion
		dst = appendInt32(dst, c.Version)
	}
	if c.Aversion != 0 {
		flags |= contentAversion
		dst = appendInt32(dst, c.Aversion)
	}
	if c.Data != nil {
		flags |= contentData
		dst = appendBytes(dst, c.Data)
	}
	dst[at] = flags
	return dst
}

// DecodeContent reads the value of a znode's own key. Data aliases v. An ACL open to all is
// the shared [znode.OpenACL].
func DecodeContent(v []byte) (znode.Content, error) {
	r := open("content", v)
	flags := r.byte()
	var c znode.Content
	c.ACL = r.acl()
	c.Czxid = r.int64()
	c.Ctime = r.int64()
	c.Mzxid, c.Mtime = c.Czxid, c.Ctime
	if flags&contentKind != 0 {
		c.Kind = r.nodeKind()
	}
	if flags&contentTTL != 0 {
		c.TTL = r.int64()
		r.present(c.TTL != 0)
	}
	if flags&contentOwner != 0 {
		c.Owner = znode.SessionID(r.int64())
		r.present(c.Owner != 0)
	}
	if flags&contentMzxid != 0 {
		c.Mzxid += r.delta()
		r.present(c.Mzxid != c.Czxid)
	}
	if flags&contentMtime != 0 {
		c.Mtime += r.delta()
		r.present(c.Mtime != c.Ctime)
	}
	if flags&contentVersion != 0 {
		c.Version = r.int32()
		r.present(c.Version != 0)
	}
	if flags&contentAversion != 0 {
		c.Aversion = r.int32()
		r.present(c.Aversion != 0)
	}
	if flags&contentData != 0 {
		c.Data = r.bytes()
	}
	if err := r.close(); err != nil {
		return znode.Content{}, err
	}
	return c, nil
}

// nodeKind takes a znode's kind that is not Persistent.
func (r *reader) nodeKind() znode.Kind {
	k := znode.Kind(r.byte())
	r.present(k != znode.Persistent)
	if k > znode.TTL {
		r.fail("unknown kind of znode")
	}
	return k
}

// AppendCounters appends the value of a znode's child-counter key.
func AppendCounters(dst []byte, c znode.Counters) []byte {
	dst = append(dst, Version)
	dst = appendInt64(dst, c.Creates)
	return appendInt64(dst, c.Pzxid)
}

// DecodeCounters reads the value of a znode's child-counter key.
func DecodeCounters(v []byte) (znode.Counters, error) {
	r := open("counters", v)
	c := znode.Counters{Creates: r.int64(), Pzxid: r.int64()}
	if err := r.close(); err != nil {
		return znode.Counters{}, err
	}
	return c, nil
}

// AppendFence appends the value of a fence's key: the highest token seen.
func AppendFence(dst []byte, token int64) []byte {
	return appendInt64(append(dst, Version), token)
}

// DecodeFence reads the value of a fence's key.
func DecodeFence(v []byte) (int64, error) {
	r := open("fence", v)
	token := r.int64()
	if err := r.close(); err != nil {
		return 0, err
	}
	return token, nil
}
