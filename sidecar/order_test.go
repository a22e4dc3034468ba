package sidecar

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
)

// FuzzComplete: what is completed is the same object with fields added, in order, and what is no
// object stays as it is.
func FuzzComplete(f *testing.F) {
	for _, seed := range []string{``, `{}`, ` { } `, `{"wait":"1s"}`, `[]`, `null`, `{"session":"x"}`, `{"a":1,}`, `{"force":true}`, "{\n\"names\":[\"a\"]}", `{"a":"}"}`, `{"request_id":null,"token":7}`, `{} {}`, "\ufeff{}"} {
		for action := range byte(4) {
			f.Add([]byte(seed), action)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, action byte) {
		path := "/v1/locks/a/" + []string{"acquire", "release", "keepalive", "enter"}[action%4]
		o := &order{method: http.MethodPost, path: path, body: bytes.Clone(body)}
		o.complete(path, "s-1", `who "7"`, func(string) int64 { return 42 })
		if o.back != nil && !json.Valid(o.back.body) {
			t.Errorf("taken back by %s", o.back.body)
		}
		if len(body) == 0 {
			if len(o.body) != 0 || o.query == "" {
				t.Errorf("no body became %q?%s", o.body, o.query)
			}
			return
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(body, &before) != nil || before == nil {
			if !bytes.Equal(o.body, body) || o.back != nil {
				t.Errorf("%q, which is no object, became %q", body, o.body)
			}
			return
		}
		if err := json.Unmarshal(o.body, &after); err != nil {
			t.Fatalf("%q became %q: %v", body, o.body, err)
		}
		if string(before["force"]) != "true" && before["session"] == nil && string(after["session"]) != `"s-1"` {
			t.Errorf("%q became %q, without a session", body, o.body)
		}
		for key, value := range before {
			if !bytes.Equal(after[key], value) {
				t.Errorf("%q became %q: %s is another", body, o.body, key)
			}
			delete(after, key)
		}
		allowed := map[string]bool{"session": true, "request_id": true, "owner": true, "token": true}
		for key := range after {
			if !allowed[key] {
				t.Errorf("%q became %q: %s was added", body, o.body, key)
			}
		}
	})
}

// TestWhatTakesBack: only what has a request id that nobody else knows.
func TestWhatTakesBack(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ path, query, body, back string }{
		{"/v1/locks/a/b/acquire", "", `{}`, "/v1/locks/a/b/release"},
		{"/v1/locks/a/acquire", "wait=1s", ``, "/v1/locks/a/release"},
		{"/v1/semaphores/a/enqueue", "", `{"permits":2}`, "/v1/semaphores/a/release"},
		{"/v1/elections/a/campaign", "", `{}`, "/v1/elections/a/resign"},
		{"/v1/multilocks/acquire", "", `{"names":["a","b"]}`, "/v1/multilocks/release"},
		{"/v1/multilocks/acquire", "", ``, ""},
		{"/v1/locks/a/acquire", "", `{"request_id":"mine"}`, ""},
		{"/v1/locks/a/acquire", "request_id=mine", ``, ""},
		{"/v1/locks/a/acquire", "", `[]`, ""},
		{"/v1/locks/a/acquire", "wait=1s", `{}`, ""},
		{"/v1/locks/a/release", "", `{}`, ""},
		{"/v1/locks/a/acquire", "%zz", ``, ""},
	} {
		o := &order{method: http.MethodPost, path: x.path, query: x.query, body: []byte(x.body)}
		o.complete(x.path, "s-1", "me", func(string) int64 { return 0 })
		back := ""
		if o.back != nil {
			back = o.back.path
			var fields, asked map[string]any
			must(0, json.Unmarshal(o.back.body, &fields))
			if x.body != "" {
				must(0, json.Unmarshal(o.body, &asked))
				for _, key := range []string{"session", "request_id", "names"} {
					if !reflect.DeepEqual(fields[key], asked[key]) {
						t.Errorf("%s %s is taken back by %s", x.path, o.body, o.back.body)
					}
				}
			}
		}
		if back != x.back {
			t.Errorf("%s?%s %s is taken back by %q; want %q", x.path, x.query, x.body, back, x.back)
		}
	}
}
