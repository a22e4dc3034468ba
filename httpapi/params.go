package httpapi

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// forever is the wait that lasts as long as the server lets one request wait.
const forever = "forever"

// reserved is the name that the tree keeps for itself.
const reserved = "zookeeper"

func badInput(field, problem, fix string) error {
	return &lease.InputError{Field: field, Problem: problem, Fix: fix}
}

// shorten cuts what a client sent to what an error may repeat.
func shorten(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func checkParameter(key string, values, allowed []string) error {
	if !slices.Contains(allowed, key) {
		if len(allowed) == 0 {
			return badInput(shorten(key), "is no parameter of this request", "leave it out; there are none")
		}
		return badInput(shorten(key), "is no parameter of this request", "leave it out; the parameters are "+strings.Join(allowed, ", "))
	}
	if len(values) != 1 {
		return badInput(key, "stands there more than once", "give it once")
	}
	return nil
}

// durationText is what a span of time looks like: the pattern of the OpenAPI document. Go itself
// takes signs and numbers that end with a point besides.
var durationText = regexp.MustCompile(`^(([0-9]+|[0-9]*[.][0-9]+)(ns|us|µs|ms|s|m|h))+$|^0$`)

// duration reads a span of time that is not negative.
func duration(key, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || !durationText.MatchString(text) {
		return 0, badInput(key, fmt.Sprintf("%q is not a duration", shorten(text)), `write it with its unit, for example "30s"`)
	}
	return d, nil
}

// waitTime reads how long to wait.
func waitTime(l *Limits, key, text string) (time.Duration, error) {
	if text == forever {
		return l.MaxWait, nil
	}
	d, err := duration(key, text)
	if err != nil {
		return 0, err
	}
	if d > l.MaxWait {
		return 0, badInput(key, fmt.Sprintf("%v is longer than the %v that one request may wait here", d, l.MaxWait), fmt.Sprintf("wait for %q and ask again", forever))
	}
	return d, nil
}

// within returns text, or an error where it has more than limit bytes.
func within(key, text string, limit int) (string, error) {
	if len(text) > limit {
		return "", badInput(key, fmt.Sprintf("has %d bytes; this server takes %d", len(text), limit), "make it shorter")
	}
	return text, nil
}

// checkName says what is wrong with the name of a lock or a fence.
func checkName(l *Limits, name string) error {
	const path = "/v1/locks/"
	if name == "" {
		return badInput("name", "is missing", "name what you mean in the path, as in "+path+"orders/42")
	}
	if len(name) > l.MaxNameBytes {
		return badInput("name", fmt.Sprintf("has %d bytes; this server takes %d", len(name), l.MaxNameBytes), "make it shorter")
	}
	if err := znode.ValidatePath("/" + name); err != nil {
		return badInput("name", fmt.Sprintf("%q cannot name a znode", shorten(name)), `use components parted by single slashes, none of them "." or "..", without control characters and without a slash at either end`)
	}
	if name == reserved || strings.HasPrefix(name, reserved+"/") {
		return badInput("name", "is under "+reserved+", which the tree keeps for itself", "choose another first component")
	}
	return nil
}

// name returns the lock or fence that the path names.
func (c *call) name() (string, error) {
	return c.rest, checkName(&c.api.limits, c.rest)
}

// sessionID returns the session that the path names.
func (c *call) sessionID() (lease.ID, error) { return lease.ParseID("id", c.rest) }

// ticket returns the ticket that the path names.
func (c *call) ticket() (string, error) {
	if c.rest == "" {
		return "", badInput("ticket", "is missing", "end the path with the ticket that enqueue answered")
	}
	return within("ticket", c.rest, 2*c.api.limits.MaxNameBytes)
}

// The parameters that every read takes.
const (
	paramConsistency = "consistency"
	paramMinRevision = "min_revision"
)

// read returns the parameters of a read, each of which must be one of own or say how fresh it must
// be, and that.
func (c *call) read(own ...string) (url.Values, lock.Read, error) {
	q, err := c.query(append(own, paramConsistency, paramMinRevision)...)
	if err != nil {
		return nil, lock.Read{}, err
	}
	fresh, err := freshness(q)
	return q, fresh, err
}

// page is read for a list, and returns besides how many entries to answer.
func (c *call) page(own ...string) (q url.Values, fresh lock.Read, limit int, err error) {
	q, fresh, err = c.read(append(own, "limit")...)
	if err == nil {
		limit, err = c.pageSize(q)
	}
	return q, fresh, limit, err
}

// sessionOf reads a parameter that names a session, if it is there.
func sessionOf(q url.Values, key string) (lease.ID, error) {
	text := q.Get(key)
	if text == "" {
		return 0, nil
	}
	return lease.ParseID(key, text)
}

// freshness reads how fresh a read must be.
func freshness(q url.Values) (lock.Read, error) {
	var fresh lock.Read
	switch text := q.Get(paramConsistency); text {
	case "", "local":
	case "linearizable":
		fresh.Linearizable = true
	default:
		return fresh, badInput(paramConsistency, fmt.Sprintf("%q is not known", shorten(text)), "use local, which is the default, or linearizable")
	}
	if text := q.Get(paramMinRevision); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n >= 1<<53 {
			return fresh, badInput(paramMinRevision, fmt.Sprintf("%q is not a revision", shorten(text)), "give the revision of an earlier answer")
		}
		fresh.MinRevision = n
	}
	return fresh, nil
}

// pageSize reads how many entries to answer.
func (c *call) pageSize(q url.Values) (int, error) {
	most := c.api.limits.PageLimit
	text := q.Get("limit")
	if text == "" {
		return min(100, most), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, badInput("limit", fmt.Sprintf("%q is not a number from 1 to %d", shorten(text), most), "ask for less, and for the next page with after")
	}
	return n, nil
}

// prefix reads the beginning of the names to list or follow; a part of a component will do.
func (c *call) prefix(q url.Values, key string) (string, error) {
	text := q.Get(key)
	if strings.HasPrefix(text, "/") {
		return "", badInput(key, "begins with a slash", "names have none in front; leave it out")
	}
	return within(key, text, c.api.limits.MaxNameBytes)
}
