package supervise

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// A process is what the kernel says of one.
type process struct {
	pid, parent, group int
	start              string // when it began, in the kernel's ticks: with the number it names one process
}

// look returns what the kernel says of a process; false where there is none.
func look(pid int) (process, bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	// The name, in parentheses, may contain anything; after it come the state, the parent and the
	// group, and as the twentieth the start.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return process{}, false
	}
	p := process{pid: pid, start: string(fields[19])}
	var errs [2]error
	p.parent, errs[0] = strconv.Atoi(string(fields[1]))
	p.group, errs[1] = strconv.Atoi(string(fields[2]))
	return p, errs == [2]error{}
}

// descendants returns those who come from a process, also such as have ended and not been waited
// for: of those with threads the kernel says so too early. Who is started meanwhile may be missing.
func descendants(pid int) []process {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	names, _ := dir.Readdirnames(-1) // some are better than none
	_ = dir.Close()
	children := map[int][]process{}
	for _, name := range names {
		if number, err := strconv.Atoi(name); err == nil {
			if p, ok := look(number); ok {
				children[p.parent] = append(children[p.parent], p)
			}
		}
	}
	var found []process
	for next := []int{pid}; len(next) > 0; {
		var below []int
		for _, parent := range next {
			for _, p := range children[parent] {
				below = append(below, p.pid)
				found = append(found, p)
			}
			delete(children, parent) // two looks at different times could make a ring
		}
		next = below
	}
	return found
}

// send sends it signals, if it is there still: not whoever has its number now.
func (p process) send(sigs ...syscall.Signal) {
	handle, err := os.FindProcess(p.pid)
	if err != nil {
		return
	}
	defer handle.Release()
	// The handle stands for who had the number when it was made, and before and after that it was
	// the same.
	if now, ok := look(p.pid); !ok || now.start != p.start {
		return
	}
	for _, sig := range sigs {
		_ = handle.Signal(sig) // it may have ended meanwhile, or be another user's
	}
}
