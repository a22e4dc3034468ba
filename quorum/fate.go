package quorum

import (
	"sync"
	"sync/atomic"
)

// A fate records, once, why a member is over. Its methods are safe for concurrent use.
type fate struct {
	once sync.Once
	done chan struct{} // closed when err is set
	err  error         // nil after an ordinary Close

	removed atomic.Bool // etcd has said that the cluster removed the member
	closing atomic.Bool // etcd is being closed: what it gives up then is no warning
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

// over is what calls on a member return whose fate is settled.
func (f *fate) over() error {
	if f.err != nil {
		return f.err
	}
	return ErrClosed
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
