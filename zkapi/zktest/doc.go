// Package zktest has what tests need that compare the ZooKeeper door with Apache ZooKeeper: servers
// of the latter, and a client that speaks the protocol by hand to both.
package zktest
