package znode

import "strings"

// A lock that has to exclude unmodified kazoo clients stands in its directory under two names:
// "_c_<id>-lock-<n>", which Curator and go-zookeeper look at, and directly behind it its twin,
// "k<id without hyphens>__lock__<n+1>", which kazoo looks at. The "k" keeps Curator from ever
// sorting a twin among numbers. The two are made and deleted together, whoever deletes one of
// them, so that nobody ever waits for half a lock.
const (
	twinPrefix  = "k"
	twinFamily  = "__lock__"
	twinOf      = "-lock-"
	idLength    = 36 // of a UUID
	shortLength = 32 // of a UUID without its hyphens
)

// isTwin reports whether a name without its number is a twin's.
func isTwin(head string) bool {
	return len(head) == len(twinPrefix)+shortLength+len(twinFamily) &&
		head[:len(twinPrefix)] == twinPrefix && head[len(twinPrefix)+shortLength:] == twinFamily &&
		isHex(head[len(twinPrefix):len(twinPrefix)+shortLength])
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// short returns an id without its hyphens; false if the id is not a UUID in small letters.
func short(id string) (string, bool) {
	if len(id) != idLength || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return "", false
	}
	bare := id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]
	return bare, isHex(bare)
}

// twinStem returns the path of the twin of a contender with the given id, up to its number.
func twinStem(dir, id string) (string, bool) {
	bare, ok := short(id)
	return Join(dir, twinPrefix+bare+twinFamily), ok
}

// otherName returns the name of the other half of a lock that stands under two names, if name
// is of the form of one half.
func otherName(name string) (string, bool) {
	head, digits := cutDigits(name)
	if digits == "" {
		return "", false
	}
	seq := parseSequence(digits, false)
	if isTwin(head) {
		id := head[len(twinPrefix) : len(twinPrefix)+shortLength]
		id = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
		return numbered(protectedPrefix+id+twinOf, seq-1), seq > 0
	}
	id, ok := strings.CutPrefix(head, protectedPrefix)
	if !ok {
		return "", false
	}
	if id, ok = strings.CutSuffix(id, twinOf); !ok {
		return "", false
	}
	bare, ok := short(id)
	return numbered(twinPrefix+bare+twinFamily, seq+1), ok
}

// other returns the other half of n, if n stands in its directory under two names:
// both were made in one request, by one session.
func (d *Draft) other(parent, n *draftNode) (*draftNode, bool) {
	if parent.children == parent.contenders {
		return nil, false // a twin is no contender, so there is none; most locks end here
	}
	name, ok := otherName(n.name())
	if !ok {
		return nil, false
	}
	o := d.find(Join(parent.path, name))
	return o, o != nil && o.Czxid == n.Czxid && o.Owner == n.Owner && o.Owner != 0
}

// swept reports whether the request at hand has deleted a znode along with its other half.
func (d *Draft) swept(path string) bool {
	n := d.nodes[path]
	return n != nil && n.sweptAt == d.zxid
}

// createTwin creates the twin of n, which the step at hand has just created, at path.
func (d *Draft) createTwin(parent, n *draftNode, path string) {
	twin := n.Content
	d.insert(parent, path, &twin)
	d.changes[len(d.changes)-1].Aux = true
}
