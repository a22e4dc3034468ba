package store

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An inbox is where callers leave their requests, so that none of them waits for what the engine
// is doing: while it judges a batch, hundreds come. It is safe for concurrent use.
type inbox struct {
	// quick is set while the engine would look at a request at once, and its caller must see to
	// it; otherwise the engine looks into the inbox when it is done with what it waits for.
	quick atomic.Bool

	mu     sync.Mutex // taken inside Store.mu, never around it
	list   []*pending
	room   int // how many more requests this member may have without an answer
	closed bool
}

// put leaves a request. Its error is ErrBusy or ErrClosed.
func (b *inbox) put(p *pending) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return ErrClosed
	case len(b.list) >= b.room:
		return ErrBusy
	}
	b.list = append(b.list, p)
	return nil
}

// take empties the inbox into list, whose memory the inbox uses from then on.
func (b *inbox) take(spare []*pending) []*pending {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = spare[:0]
	b.room -= len(list)
	return list
}

func (b *inbox) setRoom(room int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.room = room
}

func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list) == 0
}

// close makes put refuse everything.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// takeIn takes the requests that callers have left, and reports whether there were any. Store.mu
// is held.
func (s *Store) takeIn() bool {
	list := s.inbox.take(s.taken)
	for _, p := range list {
		if p.request.Session != 0 {
			s.member.touch(p.request.Session)
			s.urgent = true
		}
		s.member.take(p)
	}
	clear(list)
	s.taken = list[:0]
	return len(list) > 0
}

// submit leaves a request for the engine.
func (s *Store) submit(r *znode.Request, done func(znode.Outcome, error)) (*pending, error) {
	p := &pending{request: r, size: requestSize(r), done: done}
	if p.size > maxRequest {
		s.mu.Lock()
		defer s.mu.Unlock()
		done(tooLarge(r, s.rep.position().Revision), nil)
		s.answerCallers()
		return p, nil
	}
	if err := s.inbox.put(p); err != nil {
		return nil, err
	}
	if s.inbox.quick.Load() {
		runtime.Gosched() // others are about to leave theirs: one batch instead of two
	}
	if s.inbox.quick.Load() && !s.inbox.empty() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle(clock.Boot())
	}
	return p, nil
}
