package differential

import (
	"fmt"
	"slices"
)

// compare returns where two servers' observations first differ, and how; -1: nowhere.
func compare(apache, ours []observation) (at int, how string) {
	var pairs [][2]int64
	var from []int // the step that a pair comes from
	for i := range min(len(apache), len(ours)) {
		a, b := &apache[i], &ours[i]
		if a.text != b.text || len(a.zxids) != len(b.zxids) {
			return i, fmt.Sprintf("ZooKeeper: %s\nours:      %s", a.text, b.text)
		}
		for k := range a.zxids {
			pairs, from = append(pairs, [2]int64{a.zxids[k], b.zxids[k]}), append(from, i)
		}
	}
	if len(apache) != len(ours) {
		return min(len(apache), len(ours)), "one server has answered more"
	}
	return order(pairs, from)
}

// order returns the step whose zxids are ordered in two ways.
func order(pairs [][2]int64, from []int) (at int, how string) {
	index := make([]int, len(pairs))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(i, j int) int {
		switch d := pairs[i][0] - pairs[j][0]; {
		case d < 0:
			return -1
		case d > 0:
			return 1
		}
		return 0
	})
	for k := 1; k < len(index); k++ {
		p, q := pairs[index[k-1]], pairs[index[k]]
		if (p[0] == q[0]) != (p[1] == q[1]) || p[1] > q[1] {
			return max(from[index[k-1]], from[index[k]]), fmt.Sprintf("zxids of steps %d and %d: ZooKeeper's %#x and %#x, ours %#x and %#x",
				from[index[k-1]], from[index[k]], p[0], q[0], p[1], q[1])
		}
	}
	return -1, ""
}
