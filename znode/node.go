package znode

// A Node is one znode of a [Tree]. It is the tree's: read it only while the tree does not
// change, and modify nothing that its methods return. A deleted Node keeps what it was.
type Node struct {
	path       string
	data       []byte
	acl        []ACL
	parent     *Node
	kids       *ordered[*Node] // nil before the first child
	exclusive  *ordered[*Node] // contenders among them that are not shared; nil while none is shared
	standing                   // among the siblings
	ttl        int64
	owner      SessionID
	czxid      int64
	mzxid      int64
	ctime      int64
	mtime      int64
	pzxid      int64
	creates    int64
	version    int32
	aversion   int32
	contenders int32 // among the children
	sharers    int32 // among the contenders
	length     int32 // of the data as of the change at hand; data may be ahead of it within a batch
	kind       Kind
}

// Path returns the znode's full path.
func (n *Node) Path() string { return n.path }

// Name returns the last component of the path; that of "/" is empty.
func (n *Node) Name() string {
	_, name := Split(n.path)
	return name
}

// Data returns the contents. Nil is ZooKeeper's null.
func (n *Node) Data() []byte { return n.data }

// ACL returns the access control list.
func (n *Node) ACL() []ACL { return n.acl }

// Kind returns how long the znode lives.
func (n *Node) Kind() Kind { return n.kind }

// TTL returns the time to live in milliseconds if the kind is [TTL], and how long the lock rests
// after an [Ephemeral] contender is lost; 0 for others.
func (n *Node) TTL() int64 { return n.ttl }

// Owner returns the session that the znode ends with; 0 unless the kind is [Ephemeral].
func (n *Node) Owner() SessionID { return n.owner }

// Czxid returns the zxid that created the znode. Of a contender it is the fencing token.
func (n *Node) Czxid() int64 { return n.czxid }

// NumChildren returns the number of children.
func (n *Node) NumChildren() int {
	if n.kids == nil {
		return 0
	}
	return n.kids.len()
}

// Stat returns the znode's statistics.
func (n *Node) Stat() Stat {
	children := int32(n.NumChildren())
	return Stat{
		Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime,
		Version: n.version, Cversion: cversion(n.creates, children), Aversion: n.aversion,
		EphemeralOwner: int64(n.owner), DataLength: n.length, NumChildren: children, Pzxid: n.pzxid,
	}
}

// Content returns what the znode's own key holds.
func (n *Node) Content() Content {
	return Content{
		Data: n.data, ACL: n.acl, Kind: n.kind, TTL: n.ttl, Owner: n.owner,
		Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime,
		Version: n.version, Aversion: n.aversion,
	}
}

// Counters returns what the znode's child-counter key holds; the key exists only if Creates is
// not 0.
func (n *Node) Counters() Counters { return Counters{Creates: n.creates, Pzxid: n.pzxid} }

// setContent takes everything but the data length over from the znode's own key.
func (n *Node) setContent(c *Content) {
	n.data, n.acl, n.kind, n.ttl, n.owner = c.Data, share(c.ACL), c.Kind, c.TTL, c.Owner
	n.czxid, n.mzxid, n.ctime, n.mtime = c.Czxid, c.Mzxid, c.Ctime, c.Mtime
	n.version, n.aversion = c.Version, c.Aversion
}
