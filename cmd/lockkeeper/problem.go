package main

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// A problemError is what a member refused a request with: a problem document of RFC 9457.
type problemError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"`

	retryAfter string
}

// A foreignError says that something answers at an endpoint which is no member.
type foreignError struct {
	endpoint string
	status   int
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("%s answers, but not as a member of Lockkeeper does (HTTP %d); check --endpoints", e.endpoint, e.status)
}

// readProblem makes an error of an answer that is not a good one.
func readProblem(endpoint string, resp *http.Response, body []byte) error {
	p := &problemError{}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(body, p) != nil || p.Code == "" {
		return &foreignError{endpoint, resp.StatusCode}
	}
	p.Status = resp.StatusCode
	p.retryAfter = resp.Header.Get("Retry-After")
	return p
}

// Error returns one line: what is wrong, its code, and what to do.
func (p *problemError) Error() string {
	what := p.Detail
	if what == "" {
		what = p.Title
	}
	// The member's text may say what to do already.
	line := fmt.Sprintf("%s (%s)", strings.TrimRight(what, "."), p.Code)
	switch {
	case p.Fix != "" && !strings.Contains(what, p.Fix):
		line += "; " + p.Fix
	case p.retryAfter != "":
		line += "; try again in " + p.retryAfter + " s"
	}
	return strings.ReplaceAll(line, "\n", " ")
}

// exitCode returns what the process tells its caller about this refusal.
func (p *problemError) exitCode() int {
	switch {
	case p.Code == "uncertain":
		return exitUncertain
	case p.Code == "loses_quorum":
		return exitQuorum
	case p.Code == "deadlock":
		return exitDeadlock
	case p.Status == http.StatusServiceUnavailable:
		return exitUnavailable
	case p.Status == http.StatusNotFound, p.Status == http.StatusGone, p.Code == "not_held":
		return exitNotFound
	case p.Status == http.StatusLocked:
		return exitHeld
	case p.Status == http.StatusBadRequest, p.Status == http.StatusRequestEntityTooLarge:
		return exitUsage
	default:
		return exitFailure
	}
}
