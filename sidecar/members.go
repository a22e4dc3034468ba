package sidecar

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// betweenRounds is the pause after all members were asked in vain.
const betweenRounds = 100 * time.Millisecond

// An order is a request that is to be answered by some member.
type order struct {
	method, path string
	query        string
	header       http.Header
	body         []byte
	repeatable   bool // asking a second time does no harm
}

// A reply is a member's answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	stream *http.Response // of events, in place of body
}

var errNoMember = errors.New("no member answers")

// ask sends an order to the member that the stream goes to, and else to the others, until one
// answers. It gives up when ctx ends, or nobody has answered for as long as is set.
func (s *sidecar) ask(ctx context.Context, o *order) (*reply, error) {
	last := errNoMember
	until := time.Now().Add(s.cfg.Limits.Retry)
	for {
		for _, endpoint := range s.endpoints() {
			r, err := s.askOne(ctx, endpoint, o)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err == nil && !(o.repeatable && passes(r)) {
				return r, nil
			}
			if err == nil {
				last = fmt.Errorf("%s answers %d: %s", endpoint, r.status, bytes.TrimSpace(r.body[:min(len(r.body), 256)]))
			} else if last = err; !o.repeatable && !unsent(err) {
				return nil, fmt.Errorf("the outcome is not known: %w", err)
			}
		}
		if time.Now().After(until) {
			return nil, fmt.Errorf("%w: the last: %w", errNoMember, last)
		}
		if !pause(ctx, betweenRounds) {
			return nil, context.Cause(ctx)
		}
	}
}

// endpoints returns the members in the order in which they are to be asked.
func (s *sidecar) endpoints() []string {
	list := make([]string, 0, len(s.cfg.Endpoints)+1)
	if c := s.client.Load(); c != nil {
		if at := c.Endpoint(); at != "" {
			list = append(list, at)
		}
	}
	for _, e := range s.cfg.Endpoints {
		if len(list) == 0 || e != list[0] {
			list = append(list, e)
		}
	}
	return list
}

// passes reports whether an answer is one that another member, or a moment, may change.
func passes(r *reply) bool {
	if r.status != http.StatusServiceUnavailable && r.status != http.StatusBadGateway {
		return false
	}
	var p struct{ Code string }
	_ = json.Unmarshal(r.body, &p)
	switch p.Code {
	case "shutting_down", "unavailable", "uncertain", "too_many_connections", "":
		return true
	}
	return false
}

// unsent reports whether an error shows that nothing has reached a member.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// askOne asks one member.
func (s *sidecar) askOne(ctx context.Context, endpoint string, o *order) (*reply, error) {
	to := endpoint + o.path
	if o.query != "" {
		to += "?" + o.query
	}
	req, err := http.NewRequestWithContext(ctx, o.method, to, bytes.NewReader(o.body))
	if err != nil {
		return nil, err
	}
	for _, key := range passedOn {
		if v := o.header.Values(key); len(v) > 0 {
			req.Header[http.CanonicalHeaderKey(key)] = v
		}
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return &reply{status: resp.StatusCode, header: resp.Header, stream: resp}, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(s.cfg.Limits.MaxAnswer)+1))
	if err != nil {
		return nil, err
	}
	if len(body) > s.cfg.Limits.MaxAnswer {
		return nil, fmt.Errorf("%s answers more than %d bytes (--max-answer-bytes)", endpoint, s.cfg.Limits.MaxAnswer)
	}
	return &reply{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// passedOn are the headers of requests that members read.
var passedOn = []string{"Accept", "Content-Type", "If-Match", "If-None-Match", "Last-Event-ID"}

// passedBack are those of answers that clients read.
var passedBack = []string{"Allow", "Cache-Control", "Content-Type", "ETag", "Lockkeeper-Revision", "Lockkeeper-Version", "Retry-After"}

// holding begins the paths of what a session holds, with the kind of what is held there.
var holding = []struct {
	prefix string
	kind   Kind
}{
	{"/v1/locks/", Lock},
	{"/v1/multilocks/", Lock},
	{"/v1/semaphores/", Semaphore},
	{"/v1/elections/", Election},
	{"/v1/double-barriers/", ""},
	{"/v1/tickets/", Lock},
}

// What a request is, by the last segment of its path.
var (
	taking   = []string{"acquire", "enqueue", "campaign"}                                                             // takes a request_id and an owner
	giving   = []string{"release", "resign"}                                                                          // takes the token of what is given back
	harmless = []string{"release", "resign", "keepalive", "downgrade", "proclaim", "enter", "leave", "wait", "check"} // may be asked twice
)

// notHere begins the paths of what operators ask of members.
var notHere = []string{"/v1/stream", "/v1/members", "/v1/snapshot", "/v1/defrag", "/v1/diagnosis", "/v1/sessions"}

// kindOf returns what a path holds; session reports whether its requests name who holds.
func kindOf(method, path string) (kind Kind, session bool) {
	for _, h := range holding {
		if strings.HasPrefix(path, h.prefix) {
			return h.kind, method == http.MethodPost
		}
	}
	return "", false
}

// complete adds what the application has not given: its session; a request id and its name to what
// takes something, so that it can be asked again; the token to what gives something back, where
// only one is held by that name. What is no JSON object is left for the member to refuse.
func (o *order) complete(path string, session *sdk.Session, owner string, held func(name string) int64) {
	dir, action := path[:strings.LastIndexByte(path, '/')], path[strings.LastIndexByte(path, '/')+1:]
	o.repeatable = slices.Contains(taking, action) || slices.Contains(harmless, action)
	add := map[string]any{"session": session.ID().String()}
	switch {
	case slices.Contains(taking, action):
		add["request_id"], add["owner"] = rand.Text(), owner
	case action == "enter":
		add["owner"] = owner
	case slices.Contains(giving, action):
		if _, name, ok := strings.Cut(strings.TrimPrefix(dir, "/v1/"), "/"); ok && held(name) != 0 {
			add["token"] = held(name)
		}
	}
	if len(o.body) == 0 {
		q, err := url.ParseQuery(o.query)
		if err != nil {
			return // the member says what is wrong with it
		}
		if q.Has("force") {
			clear(add) // it may be anybody's
		}
		if q.Has("request_id") {
			delete(add, "token")
		}
		for key, value := range add {
			if !q.Has(key) {
				q.Set(key, fmt.Sprint(value))
			}
		}
		o.query = q.Encode()
		return
	}
	var given map[string]json.RawMessage
	if o.query != "" || json.Unmarshal(o.body, &given) != nil || given == nil {
		return
	}
	if _, forced := given["force"]; forced {
		clear(add)
	}
	if _, named := given["request_id"]; named {
		delete(add, "token")
	}
	// Written before what is there, which stays as it was: the member is to judge it.
	var front []byte
	for key, value := range add {
		if _, there := given[key]; !there {
			text, _ := json.Marshal(value) // texts and numbers
			front = fmt.Appendf(front, "%q:%s,", key, text)
		}
	}
	inner := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(o.body), []byte("{")))
	if len(front) > 0 && bytes.Equal(inner, []byte("}")) {
		front = front[:len(front)-1]
	}
	o.body = append(append([]byte("{"), front...), inner...)
}
