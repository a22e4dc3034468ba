package httpapi

import (
	"context"
	"errors"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// problemURN begins the type of every problem; its code follows.
const problemURN = "urn:lockkeeper:problem:"

// retryAfter is the pause asked for, in seconds, where the same request may succeed later. A
// change of leader takes about as long.
var retryAfter = []string{"1"}

// fail answers err as a problem.
func (c *call) fail(err error) {
	if c.work != nil {
		err = whyEnded(c.work, err)
	}
	p := problemOf(err)
	if errors.Is(err, context.Canceled) {
		if c.r.Context().Err() != nil {
			c.sent = statusHungUp // nobody is left to answer
			return
		}
		p = problemOf(context.DeadlineExceeded)
	}
	if p.code == "internal" && !errors.Is(err, errInternal) {
		c.api.log.Error("a request failed for a reason that no client can mend", "route", c.route.pattern, "err", err)
		err = errInternal // its text may tell what is not the client's
	}
	o := c.begin()
	o.str("type", problemURN+p.code)
	o.str("title", p.title)
	o.num("status", int64(p.status))
	o.str("code", p.code)
	o.str("detail", err.Error())
	revision := o.extras(err)
	if revision == 0 {
		// This member answers only what its own tree has reached, so that its revision is at
		// least that of whatever was judged.
		revision = c.api.cfg.Revision()
	}
	switch {
	case errors.Is(err, errUnknownRoute):
		o.known()
	case errors.Is(err, errWrongMethod):
		o.str("allow", c.w.Header().Get("Allow"))
	}
	if revision > 0 {
		o.num("revision", revision)
	}
	o.close()
	if p.retry {
		c.w.Header()["Retry-After"] = retryAfter
	}
	c.send(p.status, problemType, revision)
}

// extras writes what the typed errors know besides their text, and returns the revision of
// those that have one.
func (o *answer) extras(err error) (revision int64) {
	if e, ok := errors.AsType[*lease.InputError](err); ok {
		o.str("field", e.Field)
		o.text("fix", e.Fix)
	}
	if e, ok := errors.AsType[*lock.HeldError](err); ok {
		o.str("name", e.Name)
		if e.Holder.Token != 0 {
			o.key("holder")
			o.contender(&e.Holder)
		}
		o.num("position", int64(e.Position))
		if e.Position > 0 {
			o.num("ahead", int64(e.Position))
		}
		o.expected(e.ExpectedWait)
		revision = e.Revision
	}
	if e, ok := errors.AsType[*lock.DeadlockError](err); ok {
		o.str("name", e.Name)
		o.links("cycle", e.Cycle)
		revision = e.Revision
	}
	if e, ok := errors.AsType[*lock.HoldLostError](err); ok {
		o.str("name", e.Name)
		o.token("token", e.Token)
		o.str("cause", e.Cause)
		o.text("reason", e.Reason)
	} else if e, ok := errors.AsType[*lease.LostError](err); ok {
		o.session("session", e.ID)
		o.str("cause", string(e.Cause))
	}
	if e, ok := errors.AsType[*lock.PermitsError](err); ok {
		o.str("name", e.Name)
		o.num("permits", int64(e.Permits))
		o.num("limit", int64(e.Limit))
		o.num("in_use", int64(e.InUse))
		o.num("waiting", int64(e.Waiting))
		revision = e.Revision
	}
	if e, ok := errors.AsType[*quorum.QuorumError](err); ok {
		o.num("voters", int64(e.Voters))
		o.num("need", int64(e.Need))
		o.strings("answering", e.Answering)
		o.strings("silent", e.Silent)
		fix := "bring back a member that does not answer, or add one first; to do it all the same, say force"
		if e.Voters == 0 {
			fix = "add another member first; to give the cluster up, stop this one"
		}
		o.str("fix", fix)
	}
	if at := o.barrierExtras(err) + o.valueExtras(err); at != 0 {
		revision = at
	}
	if e, ok := errors.AsType[*lock.StaleTokenError](err); ok {
		o.str("name", e.Fence)
		o.num("token", int64(e.Token))
		o.num("highest", int64(e.Highest))
	}
	return revision
}

// known lists the routes that there are.
func (o *answer) known() {
	list := routes()
	o.array("routes", len(list), func(i int) { o.b = appendString(o.b, list[i].method+" "+list[i].pattern) })
}
