package record

import (
	"strings"

	"github.com/lockkeeper/lockkeeper/znode"
)

// Prefix starts every key of ours in etcd.
const Prefix = "lk/"

// The keys that stand alone.
const (
	IdentityKey = Prefix + "k" // [Identity]
	EpochKey    = Prefix + "e" // [Epoch]
	GuardKey    = Prefix + "w" // [Guard]
	BatchKey    = Prefix + "b" // [Batch]
)

// A Kind says which family a key belongs to. The zero Kind is no key of ours.
type Kind uint8

// The families of keys.
const (
	NodeKind     Kind = iota + 1 // [NodeKey]
	CountersKind                 // [CountersKey]
	SessionKind                  // [SessionKey]
	FenceKind                    // [FenceKey]
	IdentityKind                 // [IdentityKey]
	EpochKind                    // [EpochKey]
	GuardKind                    // [GuardKey]
	BatchKind                    // [BatchKey]
	CardKind                     // [CardKey]
)

const (
	nodePrefix     = Prefix + "n/"
	countersPrefix = Prefix + "c/"
	sessionPrefix  = Prefix + "s/"
	fencePrefix    = Prefix + "f/"
	cardPrefix     = Prefix + "m/"
)

// NodeKey returns the key of the znode at path; its value is a [znode.Content].
func NodeKey(path string) string { return nodePrefix + path }

// CountersKey returns the key of path's child counters; its value is a [znode.Counters].
func CountersKey(path string) string { return countersPrefix + path }

// SessionKey returns the key of a session; its value is a [znode.Session].
func SessionKey(id znode.SessionID) string { return idKey(sessionPrefix, uint64(id)) }

// FenceKey returns the key of the fence called name; its value is the highest token seen.
func FenceKey(name string) string { return fencePrefix + name }

// CardKey returns the key of a member's [Card].
func CardKey(member uint64) string { return idKey(cardPrefix, member) }

// ParseKey says which family key belongs to, and returns what follows the family's prefix: a
// path, a fence's name, or an id in hex for [ParseID]; nothing for the keys that stand alone.
// It reports false for every key that this package does not make: a foreign prefix, a path
// that does not start with a slash, an empty fence name, an id that is not 16 digits.
// The rest shares key's memory.
func ParseKey(key string) (kind Kind, rest string, ok bool) {
	if !strings.HasPrefix(key, Prefix) || len(key) <= len(Prefix) {
		return 0, "", false
	}
	family, rest := key[len(Prefix)], key[len(Prefix)+1:]
	if rest == "" {
		switch family {
		case 'k':
			return IdentityKind, "", true
		case 'e':
			return EpochKind, "", true
		case 'w':
			return GuardKind, "", true
		case 'b':
			return BatchKind, "", true
		}
		return 0, "", false
	}
	if rest[0] != '/' {
		return 0, "", false
	}
	rest = rest[1:]
	switch family {
	case 'n':
		kind, ok = NodeKind, strings.HasPrefix(rest, "/")
	case 'c':
		kind, ok = CountersKind, strings.HasPrefix(rest, "/")
	case 's':
		kind, ok = SessionKind, isID(rest)
	case 'f':
		kind, ok = FenceKind, rest != ""
	case 'm':
		kind, ok = CardKind, isID(rest)
	}
	if !ok {
		return 0, "", false
	}
	return kind, rest, true
}

// ParseID reads the 16 lower-case hex digits of a session's or a member's key. Anything else
// is a [*CorruptError].
func ParseID(hex string) (uint64, error) {
	if !isID(hex) {
		return 0, &CorruptError{What: "id", Problem: "not 16 lower-case hex digits"}
	}
	var id uint64
	for i := range len(hex) {
		id = id<<4 | uint64(nibble(hex[i]))
	}
	return id, nil
}

const (
	hexDigits = "0123456789abcdef"
	idLen     = 16
)

func idKey(prefix string, id uint64) string {
	key := make([]byte, 0, len(sessionPrefix)+idLen)
	key = append(key, prefix...)
	for shift := 60; shift >= 0; shift -= 4 {
		key = append(key, hexDigits[id>>shift&15])
	}
	return string(key)
}

func isID(s string) bool {
	if len(s) != idLen {
		return false
	}
	for i := range len(s) {
		if nibble(s[i]) > 15 {
			return false
		}
	}
	return true
}

// nibble returns the value of a lower-case hex digit, or more than 15.
func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}
