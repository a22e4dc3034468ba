package zkapi

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// authenticate adds to the connection's credentials. Requests read before keep what they had.
func (c *conn) authenticate(q *jute.Request) znode.Code {
	switch q.Scheme {
	case "ip": // every connection has it already
	case "digest":
		id := digest(string(q.Data))
		c.prove(znode.Credential{Scheme: "digest", ID: id})
		if super := c.door.cfg.SuperDigest; super != "" && id == super {
			c.prove(znode.Credential{Scheme: "super"})
		}
	default:
		c.door.counts.authFailed.Add(1)
		return znode.ErrAuthFailed
	}
	return znode.OK
}

// prove adds a credential, once. The list is replaced, never changed: requests refer to it.
func (c *conn) prove(who znode.Credential) {
	list := *c.auth.Load()
	if slices.Contains(list, who) {
		return
	}
	list = append(slices.Clip(list), who)
	c.auth.Store(&list)
}

// digest is the identity that a digest payload proves: the user's name, and the base64 of the
// SHA-1 of the whole payload. It is ZooKeeper's scheme; the hash protects little.
func digest(payload string) string {
	user, _, _ := strings.Cut(payload, ":")
	sum := sha1.Sum([]byte(payload))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}
