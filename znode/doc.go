// Package znode is the data model: a tree of znodes as ZooKeeper has it, sessions, fences, the
// rules by which requests are judged, and watches. It does no I/O, knows no clock and starts no
// goroutine; all it decides can be replayed.
//
// It has two sides. The writer's [Draft] judges requests in order and turns them into a list of
// [Change] entries and into the final values of the keys they touch. Every member's [Tree] takes
// the change list by [Tree.Apply], or starts from the keys by its Load methods. Both ways lead
// to the same tree, whatever the requests.
package znode
