package znode

import (
	"fmt"
	"strconv"
	"strings"
)

// What a quota consists of, below [quotaPath] and the path that it is set on.
const (
	limitsName = "zookeeper_limits"
	statsName  = "zookeeper_stats"
)

// A Quota limits what may stand at and below a path. As in ZooKeeper it is made by creating a znode
// called zookeeper_limits below /zookeeper/quota, in the directory of that path; the root has none.
// A znode counts for the deepest quota above it alone.
type Quota struct {
	Path   string
	Limits Limits
	Usage  Usage
}

// Exceeded reports whether the usage is above any of the limits.
func (q *Quota) Exceeded() bool {
	u, l := &q.Usage, &q.Limits
	return above(u.Count, l.Count) || above(u.Bytes, l.Bytes) || above(u.Count, l.HardCount) || above(u.Bytes, l.HardBytes)
}

// A Usage is what stands at and below a path.
type Usage struct {
	Count int64 // znodes, the path's own included
	Bytes int64 // of their data
}

func (u *Usage) add(v Usage, sign int64) {
	u.Count += sign * v.Count
	u.Bytes += sign * v.Bytes
}

// Limits are what a quota allows; a negative number is no limit. The hard ones can be enforced, the
// others are only told of.
type Limits struct {
	Count, Bytes         int64
	HardCount, HardBytes int64
}

func above(n, limit int64) bool { return limit >= 0 && n > limit }

// parseLimits reads what a ZooKeeper client has written: count=N,bytes=N and, behind another equals
// sign, ;byteHardLimit=N;countHardLimit=N. What it cannot read limits nothing.
func parseLimits(data []byte) Limits {
	none := Limits{-1, -1, -1, -1}
	l := none
	fields := strings.FieldsFunc(string(data), func(r rune) bool { return r == ',' || r == ';' })
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		n, err := strconv.ParseInt(strings.TrimSuffix(value, "="), 10, 64)
		if err != nil {
			return none
		}
		switch key {
		case "count":
			l.Count = n
		case "bytes":
			l.Bytes = n
		case "countHardLimit":
			l.HardCount = n
		case "byteHardLimit":
			l.HardBytes = n
		}
	}
	return l
}

// limited returns the path that a znode sets a quota on, or "".
func limited(path string) string { return quotaOn(path, limitsName) }

// quotaOn returns the path whose quota has the znode at path under the given name, or "".
func quotaOn(path, name string) string {
	rest, ok := strings.CutPrefix(path, quotaPath)
	if !ok {
		return ""
	}
	on, last := Split(rest)
	if last != name || len(on) < 2 || on[0] != '/' {
		return ""
	}
	return on
}

// quotaOf returns the quota that a path counts for, or nil.
func (t *Tree) quotaOf(path string) *Quota {
	if len(t.quotas) == 0 {
		return nil
	}
	for ; len(path) > 1; path, _ = Split(path) {
		if q := t.quotas[path]; q != nil {
			return q
		}
	}
	return nil
}

// QuotaOf returns the quota that the znode at path counts for; ok is false if there is none.
func (t *Tree) QuotaOf(path string) (q Quota, ok bool) {
	if p := t.quotaOf(path); p != nil {
		return *p, true
	}
	return Quota{}, false
}

// charge adds to the usage of the quota that a path counts for.
func (t *Tree) charge(path string, count, bytes int) {
	if q := t.quotaOf(path); q != nil {
		q.Usage.add(Usage{int64(count), int64(bytes)}, 1)
	}
}

// setQuota takes the limits over from a znode that sets a quota, which may be a new one. Then it
// counts everything that stands there.
func (t *Tree) setQuota(n *Node) {
	on := limited(n.path)
	if on == "" {
		return
	}
	q := t.quotas[on]
	if q == nil {
		q = &Quota{Path: on, Usage: t.count(on)}
		if outer := t.quotaOf(on); outer != nil {
			outer.Usage.add(q.Usage, -1)
		}
		if t.quotas == nil {
			t.quotas = make(map[string]*Quota)
		}
		t.quotas[on] = q
	}
	q.Limits = parseLimits(n.data)
}

// dropQuota ends the quota of a znode that is no longer there.
func (t *Tree) dropQuota(path string) {
	on := limited(path)
	q := t.quotas[on]
	if q == nil {
		return
	}
	delete(t.quotas, on)
	if outer := t.quotaOf(on); outer != nil {
		outer.Usage.add(q.Usage, 1)
	}
}

// count returns what stands at and below a path and counts for no deeper quota.
func (t *Tree) count(path string) (u Usage) {
	n := t.nodes[path]
	if n == nil {
		return u
	}
	stack := []*Node{n}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		u.add(Usage{1, int64(len(top.data))}, 1)
		for child := range top.Children() {
			if t.quotas[child.path] == nil {
				stack = append(stack, child)
			}
		}
	}
	return u
}

// Read returns a znode's data and Stat as clients read them. They are the znode's own, but the data
// of a quota's zookeeper_stats are its usage now.
func (t *Tree) Read(n *Node) ([]byte, Stat) {
	data, stat := n.Data(), n.Stat()
	if len(t.quotas) > 0 {
		if q := t.quotas[quotaOn(n.path, statsName)]; q != nil {
			data = fmt.Appendf(nil, "count=%d,bytes=%d", q.Usage.Count, q.Usage.Bytes)
			stat.DataLength = int32(len(data))
		}
	}
	return data, stat
}
