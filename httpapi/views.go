package httpapi

import (
	"context"
	"errors"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

// holdFields writes the members of a hold, as its own client sees it.
func (o *answer) holdFields(h *lock.Hold) {
	o.str("name", h.Name)
	o.session("session", h.Session)
	o.num("token", int64(h.Token))
	o.str("state", string(h.State))
	o.permits(h.Permits)
	o.span("ttl", h.TTL)
	o.instant("deadline", h.Deadline)
	o.num("position", int64(h.Position))
	o.text("ticket", h.Ticket)
	o.text("owner", h.Owner)
	o.text("reason", h.Reason)
	o.pairs("metadata", h.Metadata)
	o.instant("since", h.Since)
	o.text("mode", string(h.Mode))
	if h.Count > 1 {
		o.num("count", int64(h.Count))
	}
	o.wait(&h.Contender)
	if h.OneShot {
		o.flag("one_shot", true)
	}
	if h.Repeated {
		o.flag("repeated", true)
	}
}

// done writes what a release came to.
func (o *answer) done(d *lock.Done) {
	o.str("name", d.Name)
	o.token("token", d.Token)
	if d.Count > 0 {
		o.str("state", string(lock.Held))
		o.num("count", int64(d.Count))
	} else {
		o.str("state", string(lock.Released))
	}
	if d.Repeated {
		o.flag("repeated", true)
	}
}

// contender writes one place in a queue, as everybody sees it.
func (o *answer) contender(c *lock.Contender) {
	o.open()
	o.contenderFields(c)
	o.close()
}

func (o *answer) contenderFields(c *lock.Contender) {
	o.num("token", int64(c.Token))
	o.session("session", c.Session)
	o.text("state", string(c.State))
	o.permits(c.Permits)
	o.num("position", int64(c.Position))
	o.text("owner", c.Owner)
	o.text("reason", c.Reason)
	o.pairs("metadata", c.Metadata)
	o.text("door", c.Door)
	o.instant("enqueued", c.Enqueued)
	o.instant("since", c.Since)
	o.text("mode", string(c.Mode))
	o.instant("rests_until", c.RestsUntil)
	o.text("znode", c.Znode)
	o.wait(c)
}

// lockFields writes a lock's name, state, holders and the length of its queue, and returns
// those who wait.
func (o *answer) lockFields(q *lock.Queue) (waiters []lock.Contender) {
	o.str("name", q.Name)
	held := 0
	for held < len(q.Contenders) && q.Contenders[held].State != lock.Waiting {
		held++
	}
	if held > 0 {
		o.str("state", string(q.Contenders[0].State)) // held, or resting
		o.key("holder")
		o.contender(&q.Contenders[0])
	} else {
		o.str("state", "free")
	}
	if held > 1 { // readers
		o.contenders("holders", q.Contenders[:held])
	}
	o.num("contenders", int64(q.Total))
	return q.Contenders[held:]
}

func (o *answer) contenders(key string, list []lock.Contender) {
	o.array(key, len(list), func(i int) { o.contender(&list[i]) })
}

// whyEnded returns what ended ctx where that is the server's closing and err came of that. What was not
// known of a request for a place is no matter then: the place is given up again.
func whyEnded(ctx context.Context, err error) error {
	if context.Cause(ctx) != store.ErrClosed { //nolint:errorlint // the very one
		return err
	}
	for _, came := range []error{context.Canceled, context.DeadlineExceeded, store.ErrClosed} {
		if errors.Is(err, came) {
			return store.ErrClosed
		}
	}
	return err
}
