package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// eachField takes exactly the JSON objects, and tells the fields that encoding/json tells.
func FuzzEachField(f *testing.F) {
	for _, s := range []string{``, `{}`, ` { "a" : 1 , "b":[1,{"c":"]"}] } `, `{"a":"\"}\\"}`, `{"a":-1e9,"b":null}`, `[]`, `{"a":{"b":"}"}}x`, "{\"a\xff\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want map[string]json.RawMessage
		valid := json.Unmarshal(body, &want) == nil && want != nil
		got := map[string]json.RawMessage{}
		err := eachField(body, func(key string, raw []byte) error {
			got[key] = raw
			return nil
		})
		if (err == nil) != valid {
			t.Fatalf("eachField(%q) = %v; valid JSON object: %v", body, err, valid)
		}
		if err != nil {
			return
		}
		for key, raw := range want {
			if string(got[key]) != string(raw) {
				t.Errorf("eachField(%q): %q is %s; want %s", body, key, got[key], raw)
			}
		}
		if len(got) != len(want) {
			t.Errorf("eachField(%q) found %d fields; want %d", body, len(got), len(want))
		}
	})
}

// Whatever comes as a body, the answer is either the domain's or a described refusal.
func FuzzAcquireBody(f *testing.F) {
	for _, s := range []string{`{"ttl":"30s","wait":"forever"}`, `{"session":"0000000000000007","generation":1}`, `{"labels":{"a":"b"},"metadata":{}}`, `{"token":1}`, `{"wait":1}`, `nul`, `{"owner":"\ud800"}`} {
		f.Add(s)
	}
	a := newBench().start(f)
	f.Fuzz(func(t *testing.T, body string) {
		rec := ask(t, a, http.MethodPost, "/v1/locks/a/acquire", body)
		switch rec.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("%q: %d %s", body, rec.Code, rec.Body)
		}
	})
}

// A name that passes is the znode path that was meant, and a split loses nothing.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"a/acquire", "acquire", "/acquire", "a//acquire", "a/acquire/acquire", "zookeeper/a/release", "é/keepalive", "a/enqueue/"} {
		f.Add(s)
	}
	limits := Limits{}.withDefaults()
	of := group{"/acquire": {}, "/enqueue": {}}
	f.Fuzz(func(t *testing.T, rest string) {
		r, name := of.find(rest)
		if r == nil {
			return
		}
		if action := strings.TrimPrefix(rest, name); of[action] != r {
			t.Errorf("find(%q) = %q, and not the route of %q", rest, name, action)
		}
		look := group{"": {}, "/blockers": {}}
		bare, same := look.find(name)
		if bare != look[""] {
			bare, same = look.find(name + "/")
		}
		if checkName(&limits, name) == nil && (bare != look[""] || same != name) {
			t.Errorf("%q cannot be looked at: %q is found", name, same)
		}
		if checkName(&limits, name) != nil {
			return
		}
		if znode.ValidatePath("/"+name) != nil || strings.HasPrefix(name, "/") || name == reserved || strings.HasPrefix(name, reserved+"/") {
			t.Errorf("name %q passed", name)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c\n\x00\x1f", "é\u2028", "\xff\xc0a", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		b := appendString(nil, s)
		if err := json.Unmarshal(b, &got); err != nil || !utf8.Valid(b) {
			t.Fatalf("appendString(%q) = %q: %v", s, b, err)
		}
		want, _ := json.Marshal(s)
		var back string
		_ = json.Unmarshal(want, &back)
		if got != back {
			t.Errorf("appendString(%q) reads as %q; want %q", s, got, back)
		}
	})
}

func FuzzLastEvent(f *testing.F) {
	for _, s := range []string{"", "1-0", "1042-7", "-", "1-", "9007199254740992-0", "1-2147483648", "+1-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := lastEvent(s, "")
		if err != nil || id == nil {
			return
		}
		again, err := lastEvent(id.String(), "")
		if err != nil || *again != *id || id.Revision < 0 || id.Index < 0 {
			t.Errorf("lastEvent(%q) = %v, and again %v, %v", s, id, again, err)
		}
	})
}

func TestAppendHex(t *testing.T) {
	for _, id := range []lease.ID{1, 0xdeadbeef, 1<<63 - 1} {
		if got := string(appendHex(nil, uint64(id))); got != lease.FormatID(id) {
			t.Errorf("appendHex(%d) = %q; want %q", id, got, lease.FormatID(id))
		}
	}
}
