package znode

// Fire tells the watchers what a change did; e is what [Tree.Apply] returned for it. It must be
// called for each change in order, before the next is applied: permissions are those of the
// moment. Each step of a change reaches a watcher at most once, whatever modes match.
func (ws *Watches) Fire(c *Change, e *Effect) {
	if len(ws.byPath) == 0 || e.Err != nil {
		return
	}
	switch c.Kind {
	case Created:
		ws.fireNode(Event{NodeCreated, c.Path, c.Zxid}, e.Node.acl, WatchData)
		ws.fireChildren(c, e.Parent)
	case Deleted:
		// The child table's NodeDeleted goes to those whom the data table's did not reach; with
		// one entry per watcher for both tables that is one step.
		ws.fireNode(Event{NodeDeleted, c.Path, c.Zxid}, e.Node.acl, WatchData|WatchChildren)
		ws.fireChildren(c, e.Parent)
	case DataSet, Rested:
		ws.fireNode(Event{NodeDataChanged, c.Path, c.Zxid}, e.Node.acl, WatchData)
	}
}

// fireNode tells those who watch the znode itself, and those who watch recursively above it.
// It ends the watches in the given one-shot modes.
func (ws *Watches) fireNode(event Event, acl []ACL, once WatchMode) {
	if ws.recursive == 0 {
		ws.fireAt(event, acl, dataTable|once, once)
		return
	}
	clear(ws.told)
	if c := ws.byPath[event.Path]; c != nil {
		for w, m := range c.all() {
			if m&(dataTable|once) != 0 {
				ws.told[w] = struct{}{}
				ws.tell(event, acl, w)
				ws.set(event.Path, c, w, m, m&^once)
			}
		}
	}
	for path := event.Path; path != rootPath; {
		path, _ = Split(path)
		c := ws.byPath[path]
		if c == nil {
			continue
		}
		for w, m := range c.all() {
			if m&WatchRecursive == 0 {
				continue
			}
			if _, told := ws.told[w]; !told {
				ws.told[w] = struct{}{}
				ws.tell(event, acl, w)
			}
		}
	}
	clear(ws.told)
}

// fireChildren tells those who watch the parent's children.
func (ws *Watches) fireChildren(c *Change, parent *Node) {
	ws.fireAt(Event{NodeChildrenChanged, parent.path, c.Zxid}, parent.acl, childTable, WatchChildren)
}

// fireAt tells those who watch exactly the event's path in one of the modes.
func (ws *Watches) fireAt(event Event, acl []ACL, modes, once WatchMode) {
	c := ws.byPath[event.Path]
	if c == nil {
		return
	}
	for w, m := range c.all() {
		if m&modes != 0 {
			ws.tell(event, acl, w)
			ws.set(event.Path, c, w, m, m&^once)
		}
	}
}

// tell drops the event if the watcher may not see it. Its one-shot watch ends all the same.
func (ws *Watches) tell(event Event, acl []ACL, w Watcher) {
	if w.MayRead(acl) {
		w.Notify(event)
	}
}
