package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/value"
)

// The parameters of writes.
const (
	paramIfToken = "if_token"
	paramLock    = "lock"
	paramVersion = "version"
)

var bytesType = []string{"application/octet-stream"}

// valueName returns the value that the path names.
func (c *call) valueName() (string, error) {
	if c.api.cfg.Values == nil {
		return "", errUnknownRoute
	}
	return c.name()
}

// getValue answers with the bytes themselves; what is known of them stands in the header.
func (c *call) getValue() error {
	name, err := c.valueName()
	if err != nil {
		return err
	}
	_, fresh, err := c.read()
	if err != nil {
		return err
	}
	v, err := c.api.cfg.Values.Get(c.bounded(), name, fresh)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Lockkeeper-Version", strconv.Itoa(int(v.Version)))
	h.Set("Lockkeeper-Czxid", strconv.FormatInt(v.Czxid, 10))
	h.Set("Lockkeeper-Mzxid", strconv.FormatInt(v.Mzxid, 10))
	h.Set("Lockkeeper-Created", v.Created.UTC().Format(time.RFC3339Nano))
	h.Set("Lockkeeper-Modified", v.Modified.UTC().Format(time.RFC3339Nano))
	h.Set("X-Content-Type-Options", "nosniff")
	c.sendBytes(http.StatusOK, bytesType, v.Revision, v.Data)
	return nil
}

// putValue takes the body as it is.
func (c *call) putValue() error {
	name, err := c.valueName()
	if err != nil {
		return err
	}
	guard, version, err := c.guard()
	if err != nil {
		return err
	}
	// The log keeps what it is given, and the call's buffer is another one's soon.
	data := append(make([]byte, 0, len(c.body)), c.body...)
	v, err := c.api.cfg.Values.Put(c.bounded(), name, data, version, guard)
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", v.Name)
	o.num("version", int64(v.Version))
	o.num("czxid", v.Czxid)
	o.num("mzxid", v.Mzxid)
	o.instant("created", v.Created)
	o.instant("modified", v.Modified)
	return c.ok(v.Revision)
}

func (c *call) deleteValue() error {
	name, err := c.valueName()
	if err != nil {
		return err
	}
	guard, version, err := c.guard()
	if err != nil {
		return err
	}
	revision, err := c.api.cfg.Values.Delete(c.bounded(), name, version, guard)
	if err != nil {
		return err
	}
	o := c.begin()
	o.str("name", name)
	o.str("state", "deleted")
	return c.ok(revision)
}

// guard reads on what condition a write is to happen.
func (c *call) guard() (value.Guard, int32, error) {
	q, err := c.query(paramIfToken, paramLock, paramVersion)
	if err != nil {
		return value.Guard{}, 0, err
	}
	guard := value.Guard{Lock: q.Get(paramLock)}
	if _, err := within(paramLock, guard.Lock, c.api.limits.MaxNameBytes); err != nil {
		return value.Guard{}, 0, err
	}
	if q.Has(paramIfToken) {
		n, err := number(paramIfToken, q.Get(paramIfToken))
		if err != nil {
			return value.Guard{}, 0, err
		}
		guard.Token = lock.Token(n)
	}
	switch {
	case q.Has(paramIfToken) && guard.Lock == "":
		return value.Guard{}, 0, badInput(paramLock, "is missing beside if_token", "name the lock that the token is of")
	case q.Has(paramLock) && guard.Token == 0:
		return value.Guard{}, 0, badInput(paramIfToken, "is missing beside lock", "give the token that acquire answered")
	}
	version, err := versionOf(q)
	return guard, version, err
}

// versionOf reads which version a write expects.
func versionOf(q url.Values) (int32, error) {
	if !q.Has(paramVersion) {
		return value.AnyVersion, nil
	}
	n, err := strconv.ParseInt(q.Get(paramVersion), 10, 32)
	if err != nil || n < 0 {
		return 0, badInput(paramVersion, fmt.Sprintf("%q is not a version", shorten(q.Get(paramVersion))), "give the version of an earlier answer, or leave it out")
	}
	return int32(n), nil
}

// valueExtras writes what the errors of values know besides their text.
func (o *answer) valueExtras(err error) (revision int64) {
	if e, ok := errors.AsType[*value.NotHolderError](err); ok {
		o.str("name", e.Lock)
		o.token("token", e.Token)
		if e.Holder.Token != 0 {
			o.key("holder")
			o.contender(&e.Holder)
		}
		return e.Revision
	}
	if e, ok := errors.AsType[*value.VersionError](err); ok {
		o.str("name", e.Name)
		if e.Actual >= 0 {
			o.num("version", int64(e.Actual))
		}
		return e.Revision
	}
	return 0
}
