package barrier

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A note is what the znode of a barrier or a participant says about it. Those of other clients have
// data of their own, mostly the address or the name of their host.
type note struct {
	Count int    `json:"count,omitempty"` // of a participant: for how many it waits
	Owner string `json:"owner,omitempty"`
	Door  string `json:"door,omitempty"`
}

func (n *note) encode() ([]byte, error) {
	if !utf8.ValidString(n.Owner) {
		return nil, &lease.InputError{Field: "owner", Problem: "is not UTF-8", Fix: "send UTF-8 text"}
	}
	return json.Marshal(n)
}

func decodeNote(data []byte) note {
	var n note
	if bytes.HasPrefix(data, []byte("{")) && json.Unmarshal(data, &n) == nil {
		return n
	}
	n = note{Door: "zookeeper"}
	if len(data) > 0 && len(data) <= 256 && utf8.Valid(data) {
		n.Owner = string(data)
	}
	return n
}

// newID returns the name of a participant that has not chosen one: a UUID, as Curator's are.
func newID() string {
	var b [16]byte
	rand.Read(b[:])         // never fails, by its documentation
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80 // of the usual variant
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// maxID is how many bytes a participant's name may have.
const maxID = 128

// checkID looks whether a participant can be called so.
func checkID(dir, id string) error {
	problem := ""
	switch {
	case len(id) > maxID:
		problem = fmt.Sprintf("has %d bytes; there is room for %d", len(id), maxID)
	case id == readyName:
		problem = "is the name of the znode that opens the barrier"
	case strings.Contains(id, "/") || znode.ValidatePath(znode.Join(dir, id)) != nil:
		problem = fmt.Sprintf("%.40q cannot name a znode", id)
	case isContender(id):
		problem = "is the name of a place in a lock's queue"
	default:
		return nil
	}
	return &lease.InputError{Field: "id", Problem: problem, Fix: "choose a word, such as a host's name or a UUID, or leave it out"}
}
