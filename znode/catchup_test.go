package znode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCatchUp(t *testing.T) {
	w := newWorld(t)
	w.must(create("/old"), create("/changed"), create("/gone"), create("/anew"), create("/p"), create("/p/c"), create("/calm"))
	since := w.zxid
	w.must(set("/changed", "x"), remove("/gone"), remove("/anew"), create("/anew"), remove("/p/c"), create("/born"))
	tests := []struct {
		name  string
		lists WatchLists
		want  []Event
		arms  []Rearm
	}{
		{"§11.91 deleted", WatchLists{Data: []string{"/gone"}}, []Event{{NodeDeleted, "/gone", -1}}, nil},
		{"§11.91 changed", WatchLists{Data: []string{"/changed"}}, []Event{{NodeDataChanged, "/changed", -1}}, nil},
		{"§11.91 unchanged", WatchLists{Data: []string{"/old"}}, nil, []Rearm{{"/old", WatchData}}},
		{"§11.93 deleted and made anew", WatchLists{Data: []string{"/anew"}}, []Event{{NodeDataChanged, "/anew", -1}}, nil},
		{"§11.92 exists by now", WatchLists{Exist: []string{"/born"}}, []Event{{NodeCreated, "/born", -1}}, nil},
		{"§11.92 still missing", WatchLists{Exist: []string{"/no"}}, nil, []Rearm{{"/no", WatchData}}},
		{"§11.92 lost a child", WatchLists{Children: []string{"/p"}}, []Event{{NodeChildrenChanged, "/p", -1}}, nil},
		{"§11.92 same children", WatchLists{Children: []string{"/calm"}}, nil, []Rearm{{"/calm", WatchChildren}}},
		{"parent is gone", WatchLists{Children: []string{"/gone"}}, []Event{{NodeDeleted, "/gone", -1}}, nil},
		{
			"§11.95 persistent and recursive",
			WatchLists{Persistent: []string{"/changed", "/no"}, Recursive: []string{"/"}},
			nil,
			[]Rearm{{"/changed", WatchPersistent}, {"/no", WatchPersistent}, {"/", WatchRecursive}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			missed, rearm := CatchUp(w.tree, since, &test.lists)
			if diff := cmp.Diff(test.want, missed); diff != "" {
				t.Errorf("missed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.arms, rearm); diff != "" {
				t.Errorf("to set anew (-want +got):\n%s", diff)
			}
		})
	}
}
