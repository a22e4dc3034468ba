package znode

// The draft knows a quota's usage as the tree has it, and what the batch before and this one add to
// that. Limits hold from the batch after the one that sets them: this one's own limits are not yet
// the tree's.

// ChangesQuotas reports whether the batch sets or removes a quota. No other batch can be judged
// above it.
func (d *Draft) ChangesQuotas() bool { return d.setsQuota }

// allows reports whether no hard limit forbids to add so much at path.
func (d *Draft) allows(path string, count, bytes int) bool {
	if !d.EnforceQuota {
		return true
	}
	q := d.tree.quotaOf(path)
	if q == nil {
		return true
	}
	u := q.Usage
	u.add(d.usage[q.Path], 1)
	if below := d.below; below != nil && d.tree.zxid < below.newest {
		u.add(below.usage[q.Path], 1)
	}
	u.add(Usage{int64(count), int64(bytes)}, 1)
	return !(count > 0 && above(u.Count, q.Limits.HardCount) || bytes > 0 && above(u.Bytes, q.Limits.HardBytes))
}

// weigh adds a znode to what the batch adds to its quota, or takes it back with sign -1. It is
// called before and after every change of what a znode counts.
func (d *Draft) weigh(n *draftNode, sign int64) {
	if !n.exists {
		return
	}
	if limited(n.path) != "" {
		d.setsQuota = true
	}
	if !d.EnforceQuota {
		return
	}
	if q := d.tree.quotaOf(n.path); q != nil {
		u := d.usage[q.Path]
		u.add(Usage{1, int64(len(n.Data))}, sign)
		d.usage[q.Path] = u
	}
}
