package lock

import (
	"unicode/utf8"

	"github.com/lockkeeper/lockkeeper/lease"
)

// A Candidacy is what the candidate of an election says besides a lock's contender. Package
// election has what it means.
type Candidacy struct {
	Value    string
	Priority int64
}

// content returns what the contender's znode is to hold. A candidate that says nothing but its
// value says just that, which is what Curator's and kazoo's elections write and read.
func (r *Request) content(n *note) ([]byte, error) {
	if r.Candidacy == nil {
		return n.encode()
	}
	n.Value, n.Priority = r.Candidacy.Value, r.Candidacy.Priority
	return n.encodeCandidate()
}

// stem is what stands between the id and the number in the contender's name.
func (r *Request) stem() string {
	if r.Compat == CompatLatch {
		return latchStem
	}
	return r.Mode.stem()
}

// latchStem is what the names of Curator's LeaderLatch have.
const latchStem = "-latch-"

func (n *note) encodeCandidate() ([]byte, error) {
	if !utf8.ValidString(n.Value) {
		return nil, &lease.InputError{Field: "value", Problem: "is not UTF-8", Fix: "send UTF-8 text"}
	}
	bare := n.Owner == "" && n.Reason == "" && len(n.Metadata) == 0 && n.Priority == 0
	if bare && n.Value != "" && n.Value[0] != '{' {
		return []byte(n.Value), nil
	}
	return n.encode()
}

// Proclaimed returns the data of a candidate's znode with another value in it.
func Proclaimed(data []byte, value string) ([]byte, error) {
	n := decodeNote(data)
	if n.Value == string(data) {
		n = note{} // a bare value
	}
	n.Value = value
	return n.encodeCandidate()
}
