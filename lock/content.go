package lock

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A note is what a contender's znode says about it. Other clients' contenders have data of
// their own, mostly the address or the name of their host.
type note struct {
	Owner    string            `json:"owner,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Door     string            `json:"door,omitempty"`
	Entries  []string          `json:"entries,omitempty"` // of a reentrant hold: one for each time that it was taken
	Value    string            `json:"value,omitempty"`
	Priority int64             `json:"priority,omitempty"`
	Permits  int               `json:"permits,omitempty"` // of a claim on a semaphore
}

// What stands around the door of a note that says nothing else.
const doorHead, doorTail = `{"door":"`, `"}`

func (n *note) encode() ([]byte, error) {
	for _, f := range []struct{ field, text string }{{"owner", n.Owner}, {"reason", n.Reason}} {
		if !utf8.ValidString(f.text) {
			return nil, &lease.InputError{Field: f.field, Problem: "is not UTF-8", Fix: "send UTF-8 text"}
		}
	}
	if n.Owner == "" && n.Reason == "" && len(n.Metadata) == 0 && len(n.Entries) == 0 && n.Value == "" && n.Priority == 0 && n.Permits == 0 {
		return []byte(doorHead + n.Door + doorTail), nil
	}
	return json.Marshal(n)
}

func decodeNote(data []byte) note {
	var n note
	if inner, ok := bytes.CutPrefix(data, []byte(doorHead)); ok {
		// Most notes say nothing else: what encode makes of them needs no parser.
		if door, ok := bytes.CutSuffix(inner, []byte(doorTail)); ok && isWord(door) {
			n.Door = string(door)
			return n
		}
	}
	if bytes.HasPrefix(data, []byte("{")) && json.Unmarshal(data, &n) == nil && n.says() {
		return n
	}
	n = note{}
	if len(data) > 0 && len(data) <= 256 && utf8.Valid(data) {
		n.Owner = string(data)
	}
	n.Value = string(data)
	return n
}

// says reports whether a note says anything: any JSON object can be read as one that does not.
func (n *note) says() bool {
	return n.Door != "" || n.Owner != "" || n.Reason != "" || len(n.Metadata) > 0 || len(n.Entries) > 0 || n.Value != "" || n.Priority != 0 || n.Permits != 0
}

func isWord(text []byte) bool {
	for _, c := range text {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// protect returns the 36-character id that a contender's name carries, derived from a request
// id so that a repeated request finds its own znode.
func protect(requestID string) string {
	var b [16]byte
	if requestID == "" {
		rand.Read(b[:]) // never fails, by its documentation
	} else {
		sum := sha256.Sum256([]byte(requestID))
		copy(b[:], sum[:])
	}
	b[6] = b[6]&0x0f | 0x40 // the form of a version 4 UUID, which Curator's names have
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// contenderStem is a contender's path up to its number.
func contenderStem(dir, id, stem string) string {
	return znode.Join(dir, "_c_"+id+stem)
}

// lockName is the name of the lock whose znode is dir.
func lockName(dir string) string { return strings.TrimPrefix(dir, "/") }
