package znode

// WatchLists are the watches that a client had on its former connection, as it sends them.
type WatchLists struct {
	Data, Exist, Children, Persistent, Recursive []string
}

// A Rearm is a watch to set anew.
type Rearm struct {
	Path string
	Mode WatchMode
}

// CatchUp compares a client's watches with the tree, for a client that has seen everything up
// to zxid since. It returns the events that the client missed, which carry zxid -1 and must be
// delivered unfiltered before anything else, and the watches that are still to be set. It
// decides by the zxids of the znodes alone.
func CatchUp(t *Tree, since int64, lists *WatchLists) (missed []Event, rearm []Rearm) {
	miss := func(e EventType, path string) { missed = append(missed, Event{e, path, -1}) }
	arm := func(m WatchMode, path string) { rearm = append(rearm, Rearm{path, m}) }
	for _, path := range lists.Data {
		switch n := t.nodes[path]; {
		case n == nil:
			miss(NodeDeleted, path)
		case n.mzxid > since:
			miss(NodeDataChanged, path)
		default:
			arm(WatchData, path)
		}
	}
	for _, path := range lists.Exist {
		if t.nodes[path] != nil {
			miss(NodeCreated, path)
		} else {
			arm(WatchData, path)
		}
	}
	for _, path := range lists.Children {
		switch n := t.nodes[path]; {
		case n == nil:
			miss(NodeDeleted, path)
		case n.pzxid > since:
			miss(NodeChildrenChanged, path)
		default:
			arm(WatchChildren, path)
		}
	}
	for _, path := range lists.Persistent {
		arm(WatchPersistent, path)
	}
	for _, path := range lists.Recursive {
		arm(WatchRecursive, path)
	}
	return missed, rearm
}
