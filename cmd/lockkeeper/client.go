package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// maxAnswer bounds what is read of one answer: a page of 1,000 locks with all their metadata.
const maxAnswer = 32 << 20

// A client asks the members of one cluster, one after the other. It is used for requests only
// that may safely be sent twice: reads, and releases that name the token they mean.
type client struct {
	endpoints []string
	http      *http.Client
}

func newClient(cfg *clientConfig) *client {
	return &client{
		endpoints: cfg.endpoints,
		http: &http.Client{
			// A redirect leads away from the member that was named.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// do sends one request to the first member that can answer it and decodes the answer into into,
// which may be a *json.RawMessage. It ends with ctx, whose deadline the members share: one that
// takes the connection and is silent leaves time to ask the next. An answer that refuses is a
// [*problemError].
func (c *client) do(ctx context.Context, method, path string, query url.Values, body, into any) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var failures []error
	for i, endpoint := range c.endpoints {
		attempt, cancel := c.attempt(ctx, len(c.endpoints)-i)
		answer, err := c.ask(attempt, method, endpoint, path, sent)
		cancel()
		if err == nil {
			if err := json.Unmarshal(answer, into); err != nil {
				return fmt.Errorf("%s: read the answer: %w", endpoint, err)
			}
			return nil
		}
		if refused(err) {
			return err
		}
		failures = append(failures, at(endpoint, err))
		if ctx.Err() != nil {
			break
		}
	}
	return unavailable(failures)
}

// get reads what stands at path and decodes it into into. It returns what the member wrote, too.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) (json.RawMessage, error) {
	var raw json.RawMessage
	if err := c.do(ctx, http.MethodGet, path, query, nil, &raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return raw, nil
}

// linearizable is the query of a read that is at least as new as everything answered so far.
func linearizable() url.Values { return url.Values{"consistency": {"linearizable"}} }

// refused reports whether err is an answer that the next member would give as well, or one by
// which the address is wrong. A member without quorum, or a proxy without a member, is neither.
func refused(err error) bool {
	if problem, ok := errors.AsType[*problemError](err); ok {
		return problem.Status != http.StatusServiceUnavailable
	}
	foreign, ok := errors.AsType[*foreignError](err)
	return ok && foreign.status < 500
}

// attempt returns a context with this member's share of the time that is left.
func (c *client) attempt(ctx context.Context, left int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || left <= 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
}

// ask sends one request to one member and returns the body of a good answer.
func (c *client) ask(ctx context.Context, method, endpoint, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, plainly(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: read the answer: %w", endpoint, plainly(err))
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("%s: the answer is larger than %d MiB", endpoint, maxAnswer>>20)
	case resp.StatusCode/100 == 2:
		return answer, nil
	default:
		return nil, readProblem(endpoint, resp, answer)
	}
}

// plainly strips a transport error of the URL and the layers that net/http puts around it.
func plainly(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time; 'lockkeeper status' tells whether there is a quorum")
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err
	}
	return err
}

// at says where an error comes from that does not say so itself.
func at(endpoint string, err error) error {
	if _, ok := errors.AsType[*problemError](err); ok {
		return fmt.Errorf("%s: %w", endpoint, err)
	}
	return err
}

// unavailable says that no member did what was asked, and why each did not.
func unavailable(failures []error) error {
	if len(failures) == 1 {
		if problem, ok := errors.AsType[*problemError](failures[0]); ok {
			return problem
		}
	}
	var list strings.Builder
	code := exitUnavailable
	for _, err := range failures {
		fmt.Fprintf(&list, "\n  %v", err)
		if problem, ok := errors.AsType[*problemError](err); ok && problem.exitCode() == exitUncertain {
			code = exitUncertain // one of them may have done it
		}
	}
	return &codedError{code, fmt.Errorf("no member can answer ('lockkeeper serve' starts one, --endpoints names others):%s", list.String())}
}

// endpointURL returns the URL that text, which may lack a scheme, stands for.
func endpointURL(text string) (string, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "/")
	full := text
	if !strings.Contains(text, "://") {
		full = "http://" + text
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", fmt.Errorf("%q is not the URL of a member; write http://host:port", text)
	}
	return full, nil
}

// lockPath returns the route of a lock, or of what action does to it.
func lockPath(name, action string) string { return routePath("locks", name, action) }

// routePath returns the route of what is called name in a collection, or of what action does to it.
func routePath(collection, name, action string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	path := "/v1/" + collection + "/" + strings.Join(parts, "/")
	switch last := parts[len(parts)-1]; {
	case action != "":
		path += "/" + action
	case collection == "locks" && last == "blockers", collection == "elections" && last == "observe":
		path += "/" // it is a part of the name, not what is to be done with the rest
	}
	return path
}

// lockName takes the slash away that a znode path begins with and a lock's name does not.
func lockName(arg string) string { return strings.TrimPrefix(arg, "/") }
