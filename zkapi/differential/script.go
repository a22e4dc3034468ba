package differential

import (
	"fmt"
	"strings"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
)

// clients is how many take part in a script, all at the same server.
const clients = 3

// An action is what a client does in a step.
type action int

const (
	ask   action = iota // send the request
	leave               // close the session, and open another one
	drop                // cut the connection; the session stays
	renew               // come back with the session, and set its watches again
)

// A step is one client's action.
type step struct {
	client  int
	action  action
	request jute.Request // of ask; of renew, the watches
}

// String tells the step to somebody who has to find out why it is answered in two ways.
func (s step) String() string {
	switch s.action {
	case leave:
		return fmt.Sprintf("%d leaves", s.client)
	case drop:
		return fmt.Sprintf("%d drops its connection", s.client)
	case renew:
		return fmt.Sprintf("%d renews its session, watches %v", s.client, s.request.Watches)
	}
	q := &s.request
	text := fmt.Sprintf("%d %v %s", s.client, q.Op, describe(&q.Operation))
	switch q.Op {
	case jute.OpMulti, jute.OpMultiRead:
		for i := range q.Ops {
			text += fmt.Sprintf("\n      %v %s", q.Ops[i].Op, describe(&q.Ops[i]))
		}
	case jute.OpAuth:
		text += q.Scheme
	case jute.OpAddWatch, jute.OpRemoveWatches, jute.OpCheckWatches:
		text += fmt.Sprintf(" mode %d", q.Mode)
	}
	return text
}

func describe(o *jute.Operation) string {
	text := fmt.Sprintf("%q data %.8q version %d flags %d", o.Path, o.Data, o.Version, o.Flags)
	if o.ACL != nil {
		text += fmt.Sprintf(" acl %v", o.ACL)
	}
	if o.TTL != 0 {
		text += fmt.Sprintf(" ttl %d", o.TTL)
	}
	if o.Watch {
		text += " watch"
	}
	return text
}

// quotas is where ZooKeeper keeps the quotas of all paths.
const quotas = "/zookeeper/quota"

// A script is what is played to both servers. Its paths are below a znode of the run's own.
type script []step

func (s script) String() string {
	var b strings.Builder
	for i := range s {
		fmt.Fprintf(&b, "%4d %v\n", i, s[i])
	}
	return b.String()
}

// under returns the step with its paths below root. A path that does not begin with a slash is a
// wrong one, and stays; a quota's is that of the quota of the path below root.
func (s step) under(root string) step {
	path := func(p string) string {
		switch {
		case p == "/":
			return root
		case p == quotas || strings.HasPrefix(p, quotas+"/"):
			return quotas + root + p[len(quotas):]
		case strings.HasPrefix(p, "/"):
			return root + p
		}
		return p
	}
	paths := func(list []string) []string {
		all := []string{} // 3.8 does not survive a null
		for _, p := range list {
			all = append(all, path(p))
		}
		return all
	}
	q := &s.request
	q.Path = path(q.Path)
	ops := make([]jute.Operation, len(q.Ops))
	for i, o := range q.Ops {
		o.Path = path(o.Path)
		ops[i] = o
	}
	q.Ops = ops
	w := &q.Watches
	w.Data, w.Exist, w.Children = paths(w.Data), paths(w.Exist), paths(w.Children)
	w.Persistent, w.Recursive = paths(w.Persistent), paths(w.Recursive)
	return s
}
