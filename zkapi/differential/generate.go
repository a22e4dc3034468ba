package differential

import (
	"crypto/sha1"
	"encoding/base64"
	"math/rand/v2"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A generator makes a script of a seed. It follows what scripts must avoid of 3.8.0:
//   - a check that succeeds alone is never answered; a multi with flags that are wrong fails in
//     another way; createSession is taken from clients: none of these is sent;
//   - exists asks for no READ, and events pass the ACL filter: nothing under /acl is watched, nor
//     asked for with exists;
//   - watch modes of one session on one path replace each other, and a recursive watch next to a
//     child watch gets what it should not: the last client sets persistent watches alone, of one
//     mode in a script, and nobody else does;
//   - checkWatches finds the watches of others, and the watcher types 4 and 5 are not known.
type generator struct {
	r         *rand.Rand
	recursive bool // the last client's watches
	dropped   [clients]bool
}

// generate makes a script of n steps.
func generate(seed uint64, n int) script {
	g := &generator{r: rand.New(rand.NewPCG(seed, 38))}
	g.recursive = g.r.IntN(2) == 0
	var s script
	for len(s) < n {
		s = append(s, g.step())
	}
	for i := range clients {
		if g.dropped[i] {
			s = append(s, step{client: i, action: renew})
		}
	}
	return s
}

func (g *generator) step() step {
	s := step{client: g.r.IntN(clients)}
	switch {
	case g.dropped[s.client]:
		// Its connection is missed by what the others do meanwhile.
		if g.r.IntN(3) > 0 {
			for g.dropped[s.client] {
				if s.client = (s.client + 1) % clients; s.client == 0 && g.dropped[0] && g.dropped[1] && g.dropped[2] {
					break
				}
			}
		}
		if g.dropped[s.client] {
			g.dropped[s.client] = false
			s.action = renew
			g.watches(&s)
			return s
		}
	case g.r.IntN(60) == 0:
		s.action = leave
		return s
	case g.r.IntN(50) == 0:
		s.action = drop
		g.dropped[s.client] = true
		return s
	}
	s.request = g.request(s.client)
	return s
}

// watches are those that a client says it had; some it had never.
func (g *generator) watches(s *step) {
	w := &s.request.Watches
	for range g.r.IntN(3) {
		switch {
		case s.client != clients-1:
			w.Data = append(w.Data, g.open())
			w.Exist = append(w.Exist, g.open())
			w.Children = append(w.Children, g.open())
		case g.recursive:
			w.Recursive = append(w.Recursive, g.open())
		default:
			w.Persistent = append(w.Persistent, g.open())
		}
	}
}

func pick[T any](g *generator, list ...T) T { return list[g.r.IntN(len(list))] }

var names = []string{"a", "b", "c"}

// open is a path of a znode that everybody may do everything with, or that is missing.
func (g *generator) open() string {
	path := "/" + pick(g, names...)
	for g.r.IntN(2) == 0 && len(path) < 8 {
		path += "/" + pick(g, names...)
	}
	switch g.r.IntN(12) {
	case 0:
		return "/"
	case 1:
		return path + "/s" + pick(g, "0000000000", "0000000001", "0000000002", "0000000003")
	case 2:
		return "/" + pick(g, "e1", "e2", "t1", "box")
	}
	return path
}

// any is a path, perhaps of a znode that not everybody may see, or a wrong one; not the empty one,
// which means the root.
func (g *generator) any() string {
	switch g.r.IntN(14) {
	case 0, 1, 2:
		return pick(g, "/acl", "/acl/x", "/acl/y")
	case 3:
		return pick(g, "a", "/a/", "/a//b", "/a/./b", "/a/../b", "/a\x00", "/a\x1f", "/a\uf8ff")
	}
	return g.open()
}

func (g *generator) data() []byte {
	return pick(g, nil, []byte{}, []byte("one"), []byte("two"), make([]byte, 300))
}

func (g *generator) version() int32 { return pick[int32](g, -1, -1, -1, 0, 1, 2, 7, -2) }

// lists are ACLs: open, closed in several ways, and wrong.
func (g *generator) acl() []znode.ACL {
	const read = znode.PermRead
	switch g.r.IntN(9) {
	case 0:
		return []znode.ACL{{Perms: read, Scheme: "world", ID: "anyone"}}
	case 1:
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "auth"}}
	case 2:
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "digest", ID: digestOf("ann:one")}, {Perms: read, Scheme: "world", ID: "anyone"}}
	case 3:
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "digest", ID: digestOf("bob:two")}}
	case 4:
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "ip", ID: pick(g, "127.0.0.1", "127.0.0.0/8", "10.0.0.1")}}
	case 5:
		return pick(g, []znode.ACL{}, []znode.ACL{{Perms: znode.PermAll, Scheme: "none", ID: "x"}}, []znode.ACL{{Perms: znode.PermAll, Scheme: "digest", ID: "x"}}, []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "x"}})
	}
	return znode.OpenACL
}

// digestOf is what a znode's ACL holds of a name and a password.
func digestOf(id string) string {
	sum := sha1.Sum([]byte(id))
	name := id[:3]
	return name + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// create is a create of some kind.
func (g *generator) create(inMulti bool) jute.Operation {
	o := jute.Operation{Op: pick(g, jute.OpCreate, jute.OpCreate, jute.OpCreate2), Path: g.any(), Data: g.data(), ACL: znode.OpenACL}
	o.Flags = pick[int32](g, 0, 0, 0, 0, 1, 2, 3)
	if o.Path == "/" { // its siblings are other runs', which would count in the number
		o.Path = "/a"
	}
	switch g.r.IntN(16) {
	case 0, 1:
		o.Path, o.ACL = pick(g, "/acl", "/acl/x", "/acl/y"), g.acl()
	case 2:
		o.Path, o.Flags = pick(g, "/a/s", "/b/s", "/a/b/s", "/c/"), pick[int32](g, 2, 3)
	case 3:
		o.Path, o.Flags = pick(g, "/e1", "/e2"), 1
	case 4:
		// Nothing is ever made in it, so that it is not removed when it is empty.
		o.Op, o.Path, o.Flags = jute.OpCreateContainer, "/box", 4
	case 5:
		o.Op, o.Path, o.Flags, o.TTL = jute.OpCreateTTL, pick(g, "/t1", "/a/t"), pick[int32](g, 5, 6), 3_600_000
		if !inMulti && g.r.IntN(3) == 0 {
			o.TTL = pick[int64](g, 0, -1, 1<<50)
		}
	case 6:
		if !inMulti {
			o.Flags = pick[int32](g, -1, 7, 99, 5)
		}
	}
	return o
}

// write is a part of a multi.
func (g *generator) write() jute.Operation {
	switch g.r.IntN(8) {
	case 0, 1:
		return jute.Operation{Op: jute.OpDelete, Path: g.any(), Version: g.version()}
	case 2:
		return jute.Operation{Op: jute.OpSetData, Path: g.any(), Data: g.data(), Version: g.version()}
	case 3:
		return jute.Operation{Op: jute.OpCheck, Path: g.any(), Version: g.version()}
	}
	return g.create(true)
}

func (g *generator) request(client int) (q jute.Request) {
	plain := client != clients-1 // sets one-shot watches
	watch := func() bool { return plain && g.r.IntN(2) == 0 }
	switch g.r.IntN(30) {
	case 0, 1, 2, 3, 4, 5, 6:
		q.Operation = g.create(false)
	case 7, 8, 9, 10:
		q.Operation = jute.Operation{Op: jute.OpDelete, Path: g.any(), Version: g.version()}
	case 11, 12, 13:
		q.Operation = jute.Operation{Op: jute.OpSetData, Path: g.any(), Data: g.data(), Version: g.version()}
	case 14, 15:
		q.Operation = jute.Operation{Op: jute.OpGetData, Path: g.open(), Watch: watch()}
	case 16, 17:
		q.Operation = jute.Operation{Op: jute.OpExists, Path: g.open(), Watch: watch()}
	case 18, 19:
		q.Operation = jute.Operation{Op: pick(g, jute.OpGetChildren, jute.OpGetChildren2), Path: g.open(), Watch: watch()}
	case 20:
		q.Operation = jute.Operation{Op: pick(g, jute.OpGetData, jute.OpGetChildren, jute.OpGetChildren2), Path: g.any()}
	case 21:
		q.Operation = jute.Operation{Op: pick(g, jute.OpGetEphemerals, jute.OpGetAllChildrenNumber), Path: "/"}
	case 22:
		q.Operation = jute.Operation{Op: jute.OpGetACL, Path: g.any()}
	case 23:
		q.Operation = jute.Operation{Op: jute.OpSetACL, Path: pick(g, "/acl", "/acl/x", "/acl/y", "a", "/none"), ACL: g.acl(), Version: g.version()}
	case 24:
		q.Operation = jute.Operation{Op: jute.OpAuth, Data: []byte(pick(g, "ann:one", "bob:two", "super:test", "cid:three"))}
		q.Xid, q.Scheme = jute.XidAuth, pick(g, "digest", "digest", "digest", "digest", "digest", "none")
	case 25:
		q.Operation = jute.Operation{Op: pick(g, jute.OpWhoAmI, jute.OpSync), Path: g.open()}
	case 26:
		if plain {
			q.Operation = jute.Operation{Op: jute.OpRemoveWatches, Path: g.open()}
			q.Mode = pick[int32](g, 1, 2, 3)
			break
		}
		q.Operation = jute.Operation{Op: jute.OpAddWatch, Path: g.open()}
		if g.recursive {
			q.Mode = 1
		}
	case 27:
		q.Op = jute.OpMultiRead
		for range 1 + g.r.IntN(4) {
			q.Ops = append(q.Ops, jute.Operation{Op: pick(g, jute.OpGetData, jute.OpGetChildren), Path: g.any()})
		}
	default:
		q.Op = jute.OpMulti
		for range 1 + g.r.IntN(5) {
			q.Ops = append(q.Ops, g.write())
		}
	}
	return q
}
