package sidecar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// betweenRounds is the pause after all members were asked in vain.
const betweenRounds = 100 * time.Millisecond

// lookEvery is the time between two looks at whether the member that is asked is still reached.
const lookEvery = time.Second

// An order is a request that is to be answered by some member.
type order struct {
	method, path string
	query        string
	header       http.Header
	body         []byte
	repeatable   bool // asking a second time does no harm

	back *order // takes back what this takes; nil: it takes nothing, or the application can ask again
}

// A reply is a member's answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	stream *http.Response // of events, in place of body
	end    func()         // must be called at the stream's end
}

var errNoMember = errors.New("no member answers")

// ask sends an order to the member that the stream goes to, and else to the others, until one
// answers. It gives up when ctx ends, or nobody has answered for as long as is set.
func (s *sidecar) ask(ctx context.Context, o *order) (*reply, error) {
	last := errNoMember
	until := time.Now().Add(s.cfg.Limits.Retry)
	for {
		for _, endpoint := range s.endpoints() {
			sent := time.Now()
			r, err := s.askWhileThere(ctx, endpoint, o)
			if took := time.Since(sent); took > s.cfg.Limits.Retry/2 {
				until = until.Add(took) // a wait, not a search
			}
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

// errMoved ends a request at a member that the stream has left.
var errMoved = errors.New("the member that was asked is not reached any more")

// askWhileThere asks a member, and gives up where the stream goes to another: a member that is silent is
// not waited for. One that the stream does not go to from the start has some more time.
func (s *sidecar) askWhileThere(ctx context.Context, endpoint string, o *order) (*reply, error) {
	c := s.client.Load()
	if c == nil {
		return s.askOne(ctx, endpoint, o)
	}
	asking, cancel := context.WithCancelCause(ctx)
	first := lookEvery
	if c.Endpoint() != endpoint {
		first = max(first, s.cfg.Limits.Retry/2)
	}
	var look *time.Timer
	look = time.AfterFunc(time.Hour, func() {
		if at := c.Endpoint(); at != "" && at != endpoint {
			cancel(fmt.Errorf("%s: %w", endpoint, errMoved))
			return
		}
		look.Reset(lookEvery)
	})
	look.Reset(first)
	end := func() {
		look.Stop()
		cancel(nil)
	}
	r, err := s.askOne(asking, endpoint, o)
	if err != nil && ctx.Err() == nil && asking.Err() != nil {
		err = context.Cause(asking)
	}
	if err == nil && r.stream != nil {
		r.end = end // it goes on
		return r, nil
	}
	end()
	return r, err
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
		return &reply{status: resp.StatusCode, header: resp.Header, stream: resp, end: func() {}}, nil
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

// kindOf returns what a request may take or give back; ours reports whether it is the application's
// session that does.
func kindOf(method, path string) (kind Kind, ours bool) {
	for _, h := range holding {
		if !strings.HasPrefix(path, h.prefix) {
			continue
		}
		if ours = method == http.MethodPost; ours || h.prefix == "/v1/tickets/" {
			return h.kind, ours
		}
	}
	return "", false // whoever only looks need not be there
}
