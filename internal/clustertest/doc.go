// Package clustertest runs members of the lock service as real processes for tests: it builds
// the program once, starts members on free ports or in network namespaces of their own, kills,
// pauses, cuts off and restarts them, and talks REST to them as a patient client would. All of
// it ends with the test. It needs Linux.
package clustertest
