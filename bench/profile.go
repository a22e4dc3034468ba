package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

// startProfile begins a CPU profile called name, if profiles were asked for. stop ends it, and
// writes what was allocated since the process began beside it. A later one of the same name
// replaces it.
func (b *bench) startProfile(name string) (stop func() error, err error) {
	if b.profile == "" {
		return func() error { return nil }, nil
	}
	return profileTo(filepath.Join(b.profile, name))
}

func profileTo(path string) (stop func() error, err error) {
	f, err := os.Create(path + ".cpu.prof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		err := f.Close()
		allocs, err2 := os.Create(path + ".alloc.prof")
		if err2 != nil {
			return errors.Join(err, err2)
		}
		runtime.GC() // so that the profile is complete
		return errors.Join(err, pprof.Lookup("allocs").WriteTo(allocs, 0), allocs.Close())
	}, nil
}

func toDuration(ns float64) time.Duration { return time.Duration(ns) }
