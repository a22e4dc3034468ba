package server

import "os"

// heapFloor is how much a member may allocate, at the least, between two collections of
// garbage. A lock service that holds little has a small heap, which Go would collect many times
// a second, at a fifth of the processor time of a busy member.
const heapFloor = 64 << 20

// reserveHeap makes Go collect garbage as if heapFloor bytes more were in use. They are address
// space only: nobody touches them, so they take no memory. The caller keeps what it is given for
// as long as the effect is to last. Whoever has set GOGC or GOMEMLIMIT has chosen otherwise, and
// gets nothing.
func reserveHeap() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, heapFloor)
}
