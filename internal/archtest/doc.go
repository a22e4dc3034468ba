// Package archtest holds the tests that keep the house in order: who may import whom, one
// comment a package, no file too long. It has no code of its own.
package archtest
