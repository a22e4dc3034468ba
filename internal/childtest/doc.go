// Package childtest runs programs as children of a test: most of the time the test's own binary, of
// which the child runs one test, so that a process which is stopped or killed is a real one. Parent
// and child talk in lines. It needs Linux, which ends the children of a test that is killed.
package childtest
