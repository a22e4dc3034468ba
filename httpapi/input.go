package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// A field is one input of a request that changes something; fields are or-ed to sets.
type field uint32

const (
	fieldSession field = 1 << iota
	fieldGeneration
	fieldTTL
	fieldWait
	fieldOwner
	fieldReason
	fieldRequestID
	fieldToken
	fieldForce
	fieldLabels
	fieldMetadata
	fieldCompat
	fieldMode
	fieldLockDelay
	fieldReentrant
	fieldLocks
	fieldCount
	fieldID
	fieldDeadlock
	fieldValue
	fieldPriority
	fieldCandidate
	fieldPermits
	fieldLimit
	fieldPeer
)

var fieldNames = [...]string{"session", "generation", "ttl", "wait", "owner", "reason", "request_id", "token", "force", "labels", "metadata", "compat", "mode", "lock_delay", "reentrant", "names", "count", "id", "deadlock", "value", "priority", "candidate", "permits", "limit", "peer"}

// fieldOf returns the field called name, or 0.
func fieldOf(name string) field {
	if i := slices.Index(fieldNames[:], name); i >= 0 {
		return 1 << i
	}
	return 0
}

func (f field) names() []string {
	var names []string
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// An input is what a request that changes something says, in its body or, in place of a body,
// in its query. What is not said is zero.
type input struct {
	given      field
	session    lease.ID
	generation int64
	ttl, wait  time.Duration
	owner      string
	reason     string
	requestID  string
	token      lock.Token
	force      bool
	labels     map[string]string
	metadata   map[string]string
	compat     lock.Compat
	mode       lock.Mode
	lockDelay  time.Duration
	reentrant  bool
	names      []string
	permits    int
	limit      int
	count      int
	id         string
	deadlock   lock.DeadlockMode
	value      string
	priority   int64
	candidate  lock.Token
	peer       string
}

// input reads a request whose fields are among allowed.
func (c *call) input(allowed field) (input, error) {
	var in input
	if c.r.URL.RawQuery == "" {
		if len(c.body) == 0 {
			return in, nil
		}
		err := eachField(c.body, func(key string, raw []byte) error {
			f, err := in.claim(key, allowed)
			if err != nil {
				return err
			}
			return in.fromJSON(&c.api.limits, f, key, raw)
		})
		return in, err
	}
	if len(c.body) > 0 {
		return in, badInput("query", "stands beside a body", "say everything in the body, or everything in the query")
	}
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return in, badInput("query", "is not well formed", "percent-encode what is not plain text")
	}
	for key, values := range q {
		if err := checkParameter(key, values, (allowed &^ (fieldLabels | fieldMetadata | fieldLocks)).names()); err != nil {
			return in, err
		}
		f, err := in.claim(key, allowed)
		if err != nil {
			return in, err
		}
		if err := in.fromText(&c.api.limits, f, key, values[0]); err != nil {
			return in, err
		}
	}
	return in, nil
}

// needSession says so where no session is given.
func (in *input) needSession() error {
	if in.session == 0 {
		return badInput("session", "is missing", "give the session that acquire answered")
	}
	return nil
}

// oneSession says so where a session is given, and what only a new one has.
func (in *input) oneSession(what string) error {
	if in.session != 0 && in.given&(fieldTTL|fieldLabels) != 0 {
		return badInput("session", "stands beside a ttl or labels, which only a new session has", "leave out session for a "+what+" with a session of its own, or else ttl and labels")
	}
	return nil
}

// claim finds the field called key, and notes that it was given.
func (in *input) claim(key string, allowed field) (field, error) {
	f := fieldOf(key)
	if f&allowed == 0 {
		if allowed == 0 {
			return 0, badInput(shorten(key), "is no field of this request", "leave it out; there are none")
		}
		return 0, badInput(shorten(key), "is no field of this request", "leave it out; the fields are "+strings.Join(allowed.names(), ", "))
	}
	if f&in.given != 0 {
		return 0, badInput(key, "stands there twice", "give it once")
	}
	in.given |= f
	return f, nil
}

func (in *input) fromJSON(l *Limits, f field, key string, raw []byte) error {
	kind := raw[0]
	if kind == 'n' {
		return badInput(key, "is null", "leave it out")
	}
	switch f {
	case fieldToken, fieldGeneration, fieldCount, fieldPriority, fieldCandidate, fieldPermits, fieldLimit:
		if kind == '"' || kind == '{' || kind == '[' || kind == 't' || kind == 'f' {
			return badInput(key, "is not a number", "give the number as it was answered, without quotes")
		}
		return in.fromText(l, f, key, string(raw))
	case fieldForce, fieldReentrant:
		if kind != 't' && kind != 'f' {
			return badInput(key, "is neither true nor false", "give true or false, without quotes")
		}
		return in.fromText(l, f, key, string(raw))
	case fieldLocks:
		return in.fromArray(l, key, raw)
	case fieldLabels, fieldMetadata:
		return in.fromObject(l, f, key, raw)
	}
	if kind != '"' {
		if f == fieldTTL || f == fieldWait || f == fieldLockDelay {
			return badInput(key, "is not a duration", `write it as text with its unit, for example "30s"`)
		}
		return badInput(key, "is not a string", "put it in double quotes")
	}
	text, err := jsonText(raw)
	if err != nil {
		return err
	}
	return in.fromText(l, f, key, text)
}

func (in *input) fromObject(l *Limits, f field, key string, raw []byte) error {
	var pairs map[string]string
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return badInput(key, "is not an object of strings", `give it as {"host": "a1"}`)
	}
	limit, into := l.MaxLabelBytes, &in.labels
	if f == fieldMetadata {
		limit, into = l.MaxMetadataBytes, &in.metadata
	}
	size := 0
	for k, v := range pairs {
		size += len(k) + len(v)
	}
	if size > limit {
		return badInput(key, fmt.Sprintf("has %d bytes; this server takes %d", size, limit), "keep a reference there, and the rest elsewhere")
	}
	*into = pairs
	return nil
}

func (in *input) fromText(l *Limits, f field, key, text string) (err error) {
	switch f {
	case fieldSession:
		in.session, err = lease.ParseID(key, text)
	case fieldGeneration:
		in.generation, err = number(key, text)
	case fieldToken:
		in.token, err = token(key, text)
	case fieldTTL:
		in.ttl, err = duration(key, text)
	case fieldWait:
		in.wait, err = waitTime(l, key, text)
	case fieldOwner:
		in.owner, err = within(key, text, l.MaxTextBytes)
	case fieldReason:
		in.reason, err = within(key, text, l.MaxTextBytes)
	case fieldRequestID:
		in.requestID, err = within(key, text, l.MaxRequestIDBytes)
	case fieldCompat:
		in.compat = lock.Compat(text)
	case fieldMode:
		in.mode = lock.Mode(text)
	case fieldLockDelay:
		in.lockDelay, err = duration(key, text)
	case fieldPermits:
		in.permits, err = count(key, text, permitsFix)
	case fieldLimit:
		in.limit, err = count(key, text, permitsFix)
	case fieldCount:
		in.count, err = count(key, text, "say for how many participants the barrier opens")
	case fieldID:
		in.id, err = within(key, text, l.MaxRequestIDBytes)
	case fieldDeadlock:
		in.deadlock = lock.DeadlockMode(text)
	case fieldValue:
		in.value, err = within(key, text, l.MaxMetadataBytes)
	case fieldPriority:
		if in.priority, err = strconv.ParseInt(text, 10, 32); err != nil {
			err = badInput(key, fmt.Sprintf("%q is not a whole number", shorten(text)), fmt.Sprintf("give one from 0 to %d", election.MaxPriority))
		}
	case fieldCandidate:
		in.candidate, err = token(key, text)
	case fieldPeer:
		in.peer, err = within(key, text, l.MaxNameBytes)
	case fieldForce:
		in.force, err = truth(key, text)
	case fieldReentrant:
		in.reentrant, err = truth(key, text)
	}
	return err
}

func truth(key, text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, badInput(key, "is neither true nor false", "give true or false")
	}
	return text == "true", nil
}

// fromArray reads the names of several locks.
func (in *input) fromArray(l *Limits, key string, raw []byte) error {
	if err := json.Unmarshal(raw, &in.names); err != nil {
		return badInput(key, "is not an array of strings", `give it as ["orders/42", "stock/7"]`)
	}
	for _, name := range in.names {
		if err := checkName(l, name); err != nil {
			return err
		}
	}
	return nil
}

// number reads a token, a generation or a revision: positive, below 2^53.
func number(key, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n >= 1<<53 {
		return 0, badInput(key, fmt.Sprintf("%q is not a whole number from 1 to 2^53", shorten(text)), "give the number as it was answered")
	}
	return n, nil
}

func token(key, text string) (lock.Token, error) {
	n, err := number(key, text)
	return lock.Token(n), err
}

const permitsFix = "give a number of permits"

// count reads a number of permits or of participants.
func count(key, text, fix string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n <= 0 {
		return 0, badInput(key, fmt.Sprintf("%q is not a whole number from 1 to 2^31-1", shorten(text)), fix)
	}
	return int(n), nil
}
