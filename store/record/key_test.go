package record

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/znode"
)

func TestParseKey(t *testing.T) {
	tests := []struct {
		key  string
		kind Kind
		rest string
	}{
		{NodeKey("/"), NodeKind, "/"},
		{NodeKey("/a/b"), NodeKind, "/a/b"},
		{CountersKey("/a"), CountersKind, "/a"},
		{SessionKey(0x1f), SessionKind, "000000000000001f"},
		{SessionKey(-1), SessionKind, "ffffffffffffffff"},
		{FenceKey("disk/7"), FenceKind, "disk/7"},
		{CardKey(0x8e9e05c52164694d), CardKind, "8e9e05c52164694d"},
		{"lk/k", IdentityKind, ""},
		{"lk/e", EpochKind, ""},
		{"lk/w", GuardKind, ""},
		{"lk/b", BatchKind, ""},

		{key: ""},
		{key: "lk/"},
		{key: "lk"},
		{key: "other"},
		{key: "xx/n//a"},
		{key: "lk/n"},
		{key: "lk/n/"},
		{key: "lk/n/a"},
		{key: "lk/na"},
		{key: "lk/c/"},
		{key: "lk/f/"},
		{key: "lk/k/"},
		{key: "lk/z/1"},
		{key: "lk/z"},
		{key: "lk/s/1f"},
		{key: "lk/s/000000000000001F"},
		{key: "lk/m/00000000000000001"},
		{key: "lk/m/000000000000000/"},
	}
	for _, tt := range tests {
		kind, rest, ok := ParseKey(tt.key)
		if kind != tt.kind || rest != tt.rest || ok != (tt.kind != 0) {
			t.Errorf("ParseKey(%q) = %d, %q, %t; want %d, %q", tt.key, kind, rest, ok, tt.kind, tt.rest)
		}
		checkKey(t, tt.key)
	}
}

// checkKey makes a key anew from what it parses to.
func checkKey(t *testing.T, key string) {
	kind, rest, ok := ParseKey(key)
	if !ok {
		if kind != 0 || rest != "" {
			t.Errorf("ParseKey(%q) = %d, %q, false; want nothing", key, kind, rest)
		}
		return
	}
	alone := map[Kind]string{IdentityKind: IdentityKey, EpochKind: EpochKey, GuardKind: GuardKey, BatchKind: BatchKey}
	again, known := alone[kind]
	switch kind {
	case NodeKind:
		again = NodeKey(rest)
	case CountersKind:
		again = CountersKey(rest)
	case FenceKind:
		again = FenceKey(rest)
	case SessionKind, CardKind:
		id, err := ParseID(rest)
		if err != nil {
			t.Errorf("ParseKey(%q) = %q, which is no id: %v", key, rest, err)
		}
		again = CardKey(id)
		if kind == SessionKind {
			again = SessionKey(znode.SessionID(id))
		}
	default:
		if !known {
			t.Errorf("ParseKey(%q) = unknown kind %d", key, kind)
		}
	}
	if again != key {
		t.Errorf("ParseKey(%q) = %d, %q, the key of which is %q", key, kind, rest, again)
	}
}

func TestParseID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Uint64().Draw(t, "id")
		_, rest, _ := ParseKey(CardKey(id))
		if got, err := ParseID(rest); got != id || err != nil {
			t.Errorf("ParseID(%q) = %x, %v; want %x", rest, got, err, id)
		}
	})
	for _, hex := range []string{"", "1", "000000000000000g", "+00000000000001f", "00000000000000001"} {
		if id, err := ParseID(hex); !errors.Is(err, ErrCorrupt) {
			t.Errorf("ParseID(%q) = %x, %v; want ErrCorrupt", hex, id, err)
		}
	}
}

// Session keys sort by id, as the ids are positive.
func TestSessionKeyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.Int64Min(1)
		a, b := ids.Draw(t, "a"), ids.Draw(t, "b")
		if (a < b) != (SessionKey(znode.SessionID(a)) < SessionKey(znode.SessionID(b))) {
			t.Errorf("keys of %x and %x are in another order", a, b)
		}
	})
}
