package fence

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// ErrTooManyNames is returned by a Local for a name that is new to it where it remembers as many as
// it may. It forgets none: that would let stale tokens pass.
var ErrTooManyNames = errors.New("too many names of fences")

// defaultMaxNames is how many names a Local remembers unless told otherwise.
const defaultMaxNames = 1 << 16

// A Store keeps the marks of a Local where a restart does not reach. Its methods may be called by
// many goroutines, one at a time for each name.
type Store interface {
	// Load returns the highest token that was saved for name; 0: none.
	Load(ctx context.Context, name string) (sdk.Token, error)
	// Save keeps token for name, unless a higher one is there, and returns when it is durable.
	Save(ctx context.Context, name string, token sdk.Token) error
}

// LocalConfig says how a Local keeps its marks. The zero value is one in memory.
type LocalConfig struct {
	// Store keeps the marks over restarts. nil: they are in memory only, and a restart forgets
	// them: until the first newer token comes, a stale one passes.
	Store Store
	// MaxNames is how many names are remembered; more are refused with [ErrTooManyNames]. 0: 65,536.
	MaxNames int
}

// A Local is a [Gate] for a resource that is one process: it keeps the highest token of each name
// by itself, and asks nobody. Its methods are safe for concurrent use.
//
// Two processes with a Local each do not know of each other's tokens, with one Store neither: let
// several processes check at [Cluster], or better in the database that they share.
type Local struct {
	store Store
	max   int

	mu    sync.Mutex
	marks map[string]*mark
}

// NewLocal returns a Local.
func NewLocal(cfg LocalConfig) *Local {
	if cfg.MaxNames <= 0 {
		cfg.MaxNames = defaultMaxNames
	}
	return &Local{store: cfg.Store, max: cfg.MaxNames, marks: map[string]*mark{}}
}

// Check is that of [Checker]. It does not wait for those inside.
func (l *Local) Check(ctx context.Context, name string, token sdk.Token) error {
	m, err := l.pass(ctx, name, token)
	if err != nil {
		return fmt.Errorf("check fence %q: %w", name, err)
	}
	m.leave(token)
	return nil
}

// Enter is that of [Gate].
func (l *Local) Enter(ctx context.Context, name string, token sdk.Token) (leave func(), err error) {
	m, err := l.pass(ctx, name, token)
	if err != nil {
		return nil, fmt.Errorf("enter fence %q: %w", name, err)
	}
	if err := m.wait(ctx, name, token); err != nil {
		m.leave(token)
		return nil, fmt.Errorf("enter fence %q: %w", name, err)
	}
	return sync.OnceFunc(func() { m.leave(token) }), nil
}

// Highest returns the highest token that has passed the fence since this Local was made, or was
// loaded by then; 0: none.
func (l *Local) Highest(name string) sdk.Token {
	l.mu.Lock()
	m := l.marks[name]
	l.mu.Unlock()
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.highest
}

// pass lets token pass the fence, and counts it as inside.
func (l *Local) pass(ctx context.Context, name string, token sdk.Token) (*mark, error) {
	if err := checkArguments(name, token); err != nil {
		return nil, err
	}
	m, err := l.mark(name)
	if err != nil {
		return nil, err
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: wait for its turn: %w", sdk.ErrUncertain, context.Cause(ctx))
	}
	if l.store != nil && !m.loaded {
		saved, err := l.store.Load(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%w: load the highest token: %w", sdk.ErrUncertain, err)
		}
		m.load(saved)
	}
	if passed, err := m.enter(name, token); passed || err != nil {
		return m, err
	}
	// It is higher. Nobody may act by it before it is sure to be remembered.
	if l.store != nil {
		if err := l.store.Save(ctx, name, token); err != nil {
			return nil, fmt.Errorf("%w: save the highest token: %w", sdk.ErrUncertain, err)
		}
	}
	m.raise(token)
	return m, nil
}

func (l *Local) mark(name string) (*mark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.marks[name]
	if m == nil {
		if len(l.marks) >= l.max {
			return nil, fmt.Errorf("%w: %d are remembered", ErrTooManyNames, len(l.marks))
		}
		m = &mark{turn: make(chan struct{}, 1), inside: map[sdk.Token]int{}, left: make(chan struct{})}
		l.marks[name] = m
	}
	return m, nil
}
