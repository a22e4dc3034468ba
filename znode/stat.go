package znode

// A Kind says how long a znode lives.
type Kind uint8

// The kinds of znodes.
const (
	Persistent Kind = iota // until it is deleted
	Ephemeral              // until its session ends
	Container              // until its last child is gone
	TTL                    // until it has had no child and no new data for its time to live
)

// MaxTTL is the longest time to live of a [TTL] znode, in milliseconds.
const MaxTTL = 0xff_ffff_ffff

// String returns the kind's name in lower case.
func (k Kind) String() string {
	switch k {
	case Persistent:
		return "persistent"
	case Ephemeral:
		return "ephemeral"
	case Container:
		return "container"
	case TTL:
		return "ttl"
	}
	return "unknown"
}

// A Stat is what ZooKeeper tells about a znode. Times are in milliseconds since 1970.
type Stat struct {
	Czxid, Mzxid   int64 // of its creation, of its last data
	Ctime, Mtime   int64
	Version        int32 // of the data
	Cversion       int32 // of the child list
	Aversion       int32 // of the ACL
	EphemeralOwner int64 // its session; 0 unless ephemeral
	DataLength     int32
	NumChildren    int32
	Pzxid          int64 // of the last child created or deleted; its own creation's before that
}

// cversion counts changes of the child list: one for each create and each delete.
func cversion(creates int64, children int32) int32 {
	return int32(2*creates - int64(children))
}
