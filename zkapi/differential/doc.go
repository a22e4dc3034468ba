// Package differential sends the same requests to Apache ZooKeeper and to Lockkeeper, and compares
// what comes back: errors, paths, data, Stat (zxids by their order, no times), and the events of
// every client. Debian's ZooKeeper is 3.8.0; where ours follows a later release on purpose the
// scripts stay away from the difference, each with its reason.
package differential
