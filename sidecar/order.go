package sidecar

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// complete adds what the application has not given: its session; a request id and its name to what
// takes something, so that it can be asked again; the token to what gives something back, where
// only one is held by that name. What is no JSON object is left for the member to refuse.
func (o *order) complete(path, session, owner string, held func(name string) int64) {
	dir, action := path[:strings.LastIndexByte(path, '/')], path[strings.LastIndexByte(path, '/')+1:]
	takes := slices.Contains(taking, action)
	o.repeatable = o.repeatable || takes
	add := map[string]any{"session": session}
	switch {
	case takes:
		add["request_id"], add["owner"] = rand.Text(), owner
	case action == "enter":
		add["owner"] = owner
	case slices.Contains(giving, action):
		if _, name, ok := strings.Cut(strings.TrimPrefix(dir, "/v1/"), "/"); ok {
			if token := held(name); token != 0 {
				add["token"] = token
			}
		}
	}
	switch {
	case len(o.body) == 0:
		o.completeQuery(add)
	case o.query == "":
		o.completeBody(add)
	default:
		return // the member takes one of the two
	}
	if id, ours := add["request_id"]; ours && takes {
		o.takesBack(session, id, add["names"])
	}
}

// completeQuery adds to the parameters what is not among them, and leaves in add what it has added.
func (o *order) completeQuery(add map[string]any) {
	q, err := url.ParseQuery(o.query)
	if err != nil {
		clear(add) // the member says what is wrong with it
		return
	}
	sparing(add, q.Get("force") == "true", q.Has("request_id"))
	for key, value := range add {
		if q.Has(key) {
			delete(add, key)
			continue
		}
		q.Set(key, fmt.Sprint(value))
	}
	o.query = q.Encode()
}

// completeBody adds to the body what is not in it, and leaves in add what it has added. It writes that
// before what is there, which stays as it was: the member is to judge it.
func (o *order) completeBody(add map[string]any) {
	var given map[string]json.RawMessage
	if json.Unmarshal(o.body, &given) != nil || given == nil {
		clear(add)
		return
	}
	_, named := given["request_id"]
	sparing(add, string(given["force"]) == "true", named)
	var front []byte
	for key, value := range add {
		if _, there := given[key]; there {
			delete(add, key)
			continue
		}
		text, _ := json.Marshal(value) // texts and numbers
		front = fmt.Appendf(front, "%q:%s,", key, text)
	}
	inner := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(o.body), []byte("{")))
	if len(front) > 0 && bytes.Equal(inner, []byte("}")) {
		front = front[:len(front)-1]
	}
	o.body = append(append([]byte("{"), front...), inner...)
	if names, several := given["names"]; several {
		add["names"] = names
	}
}

// ofSessions returns a field of the order that only a session of its own would have, where it names no
// session; empty: there is none.
func (o *order) ofSessions() string {
	given := map[string]json.RawMessage{}
	_ = json.Unmarshal(o.body, &given) // what is wrong with it a member says
	q, _ := url.ParseQuery(o.query)
	has := func(field string) bool { return given[field] != nil || q.Has(field) }
	for _, field := range []string{"ttl", "labels"} {
		if has(field) && !has("session") {
			return field
		}
	}
	return ""
}

// sparing leaves out of add what does not go with what is given.
func sparing(add map[string]any, forced, named bool) {
	if forced {
		clear(add) // it may be anybody's
	}
	if named {
		delete(add, "token")
	}
}

// takesBack makes the order that takes back what this one takes, by the request id that only this one
// has. names are those of several locks.
func (o *order) takesBack(session string, id, names any) {
	dir := o.path[:strings.LastIndexByte(o.path, '/')]
	action := "/release"
	if strings.HasPrefix(dir, "/v1/elections/") {
		action = "/resign"
	}
	fields := map[string]any{"session": session, "request_id": id}
	if dir == "/v1/multilocks" {
		if names == nil {
			return // given otherwise than in a body
		}
		fields["names"] = names
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return // names are JSON, as they came
	}
	o.back = &order{method: o.method, path: dir + action, body: body, repeatable: true}
}

// ofClaims are what a request may do with what the sidecar holds by itself: nothing that would end it,
// or wait for its end, unless by force, as anybody may.
var ofClaims = []string{"keepalive", "proclaim"}

// meddles returns the first of claimed that an order would take or give back; empty: none.
func (o *order) meddles(path string, claimed func(name string) bool) string {
	if o.method != http.MethodPost {
		return ""
	}
	var given struct {
		Force bool     `json:"force"`
		Names []string `json:"names"`
	}
	_ = json.Unmarshal(o.body, &given) // what is wrong with it a member says
	if q, err := url.ParseQuery(o.query); err == nil && q.Get("force") == "true" || given.Force {
		return ""
	}
	i := strings.LastIndexByte(path, '/')
	dir, action := path[:i], path[i+1:]
	for _, prefix := range []string{"/v1/locks/", "/v1/elections/"} { // an election is a lock
		if name, ok := strings.CutPrefix(dir, prefix); ok && !slices.Contains(ofClaims, action) {
			given.Names = []string{name}
		}
	}
	if i := slices.IndexFunc(given.Names, claimed); i >= 0 {
		return given.Names[i]
	}
	return ""
}
