//go:build linux

package faults

import (
	"flag"
	"strconv"
	"sync"
	"testing"
)

// room is how much may run at once, of what runs beside others. Two cores carry it: these tests
// wait, most of the time.
const room = 4

// What a test takes of it.
const (
	waits = 1 // a session or two, and much waiting
	works = 2 // clients that never rest
)

// besides hands out the room.
var besides = struct {
	entry sync.Mutex // held while one takes its share: of two that take theirs at once, neither might get it whole
	taken chan struct{}
}{taken: make(chan struct{}, room)}

// beside lets a test run beside others that call it, with share of the room. Tests whose measure is
// what others feel of a load, or what a load costs, do not call it: they run alone.
func beside(t *testing.T, share int) {
	t.Helper()
	t.Parallel()
	besides.entry.Lock()
	defer besides.entry.Unlock()
	for range share {
		besides.taken <- struct{}{}
		t.Cleanup(func() { <-besides.taken }) // after the members have ended
	}
}

// makeRoom has package testing let as many run at once as there is room for, however many cores
// there are, unless -parallel says otherwise.
func makeRoom() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if p := flag.Lookup("test.parallel"); p != nil && !said {
		_ = p.Value.Set(strconv.Itoa(room)) // it takes any number
	}
}
