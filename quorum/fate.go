package quorum

import "sync"

// A fate records, once, why a member is over. Its methods are safe for concurrent use.
type fate struct {
	once sync.Once
	done chan struct{} // closed when err is set
	err  error         // nil after an ordinary Close
}

func newFate() *fate { return &fate{done: make(chan struct{})} }

// settle records err unless another cause came before, and reports whether it did.
func (f *fate) settle(err error) (first bool) {
	f.once.Do(func() {
		f.err = err
		close(f.done)
		first = true
	})
	return first
}

// cause is nil while the member runs.
func (f *fate) cause() error {
	select {
	case <-f.done:
		return f.err
	default:
		return nil
	}
}
