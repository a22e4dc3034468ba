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

// descend visits those who come from a process, parents first, also such as have ended and not been
// waited for: of those with threads the kernel says so too early. Who is started, or loses its
// parent, meanwhile may be missing.
func descend(pid int, visit func(process)) {
	children := childrenOf
	if _, err := os.Stat("/proc/thread-self/children"); err != nil { // a kernel built without
		children = snapshot()
	}
	seen := map[int]bool{pid: true} // two looks at different times could make a ring
	for next := []int{pid}; len(next) > 0; {
		var below []int
		for _, parent := range next {
			for _, child := range children(parent) {
				p, ok := look(child)
				if !ok || seen[child] {
					continue
				}
				seen[child] = true
				below = append(below, child)
				visit(p)
			}
		}
		next = below
	}
}

// childrenOf returns the children of a process.
func childrenOf(pid int) []int {
	var children []int
	tasks := filepath.Join("/proc", strconv.Itoa(pid), "task")
	for _, thread := range numbersIn(tasks) {
		text, err := os.ReadFile(filepath.Join(tasks, strconv.Itoa(thread), "children"))
		if err != nil {
			continue
		}
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// snapshot looks at all processes, and returns what tells the children of each.
func snapshot() func(pid int) []int {
	children := map[int][]int{}
	for _, pid := range numbersIn("/proc") {
		if p, ok := look(pid); ok {
			children[p.parent] = append(children[p.parent], pid)
		}
	}
	return func(pid int) []int { return children[pid] }
}

// numbersIn returns the names in a directory that are numbers.
func numbersIn(dir string) []int {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1) // some are better than none
	var numbers []int
	for _, name := range names {
		if number, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, number)
		}
	}
	return numbers
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
