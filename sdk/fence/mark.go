package fence

import (
	"context"
	"fmt"
	"sync"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A mark is one fence of a Local: how high it is, and who is inside.
type mark struct {
	turn   chan struct{} // of one place: whoever has it may load, save and raise
	loaded bool          // by the holder of the turn

	mu      sync.Mutex
	highest sdk.Token
	inside  map[sdk.Token]int // how many have entered and not left, by token
	left    chan struct{}     // closed, and made anew, when some have left
}

// load takes over what the store has. It is for the holder of the turn.
func (m *mark) load(saved sdk.Token) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.highest = max(m.highest, saved)
	m.loaded = true
}

// enter counts token as inside if it equals the highest, and reports whether it did. A lower one
// is an error, a higher one is left to raise.
func (m *mark) enter(name string, token sdk.Token) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if token < m.highest {
		return false, &StaleError{Fence: name, Token: token, Highest: m.highest}
	}
	if token > m.highest {
		return false, nil
	}
	m.inside[token]++
	return true, nil
}

// raise makes token the highest, and counts it as inside. It is for the holder of the turn.
func (m *mark) raise(token sdk.Token) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.highest = token
	m.inside[token]++
}

// wait returns when all that is inside has token, which is counted as inside already. If a higher
// one has come meanwhile, that one waits for this: it is refused.
func (m *mark) wait(ctx context.Context, name string, token sdk.Token) error {
	for {
		left, highest := m.ahead(token)
		switch {
		case highest > token:
			return &StaleError{Fence: name, Token: token, Highest: highest}
		case left == nil:
			return nil
		}
		select {
		case <-left:
		case <-ctx.Done():
			return fmt.Errorf("%w: wait for the end of what entered with lower tokens: %w", sdk.ErrUncertain, context.Cause(ctx))
		}
	}
}

// ahead returns what is closed when some have left, or nil where no lower token is inside; and the
// highest token that has come.
func (m *mark) ahead(token sdk.Token) (left <-chan struct{}, highest sdk.Token) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for other := range m.inside {
		if other < token {
			left = m.left
		}
	}
	return left, m.highest
}

// leave is the end of one that is inside.
func (m *mark) leave(token sdk.Token) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside[token]--
	if m.inside[token] == 0 {
		delete(m.inside, token)
		close(m.left)
		m.left = make(chan struct{})
	}
}
