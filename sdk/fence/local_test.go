package fence_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// A memory is a Store whose calls can be made to fail.
type memory struct {
	mu    sync.Mutex
	saved map[string]sdk.Token
	fail  error
}

func (m *memory) Load(_ context.Context, name string) (sdk.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saved[name], m.fail
}

func (m *memory) Save(_ context.Context, name string, token sdk.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.saved[name] = max(m.saved[name], token)
	return nil
}

func (m *memory) failWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func TestLocalOnlyMovesUp(t *testing.T) {
	l := fence.NewLocal(fence.LocalConfig{})
	for _, tt := range []struct {
		token   sdk.Token
		highest sdk.Token // of the refusal; 0: it passes
	}{{7, 0}, {7, 0}, {6, 7}, {9, 0}, {7, 9}, {9, 0}} {
		err := l.Check(t.Context(), "a", tt.token)
		stale, _ := errors.AsType[*fence.StaleError](err)
		switch {
		case tt.highest == 0 && err != nil:
			t.Errorf("Check(%d) = %v; want nil", tt.token, err)
		case tt.highest != 0 && (stale == nil || *stale != fence.StaleError{Fence: "a", Token: tt.token, Highest: tt.highest} || !errors.Is(err, sdk.ErrStaleToken)):
			t.Errorf("Check(%d) = %v; want that it is stale, with %d seen", tt.token, err, tt.highest)
		}
	}
	if err := l.Check(t.Context(), "b", 1); err != nil {
		t.Errorf("Check of another name = %v; want nil", err)
	}
	if got := l.Highest("a"); got != 9 {
		t.Errorf("Highest = %d; want 9", got)
	}
	if got := l.Highest("never"); got != 0 {
		t.Errorf("Highest of a name that was never checked = %d; want 0", got)
	}
}

func TestLocalRefusesWhatIsNoToken(t *testing.T) {
	l := fence.NewLocal(fence.LocalConfig{})
	for _, tt := range []struct {
		name  string
		token sdk.Token
	}{{"a", 0}, {"a", -1}, {"a", 1 << 53}, {"", 1}} {
		if err := l.Check(t.Context(), tt.name, tt.token); !errors.Is(err, sdk.ErrInput) {
			t.Errorf("Check(%q, %d) = %v; want ErrInput", tt.name, tt.token, err)
		}
	}
}

// TestLocalRestart shows what a restart forgets, and that a Store remembers it.
func TestLocalRestart(t *testing.T) {
	store := &memory{saved: map[string]sdk.Token{}}
	for _, tt := range []struct {
		name   string
		store  fence.Store
		passes bool // a stale token, after a restart
	}{{"in memory", nil, true}, {"with a store", store, false}} {
		if err := fence.NewLocal(fence.LocalConfig{Store: tt.store}).Check(t.Context(), "a", 7); err != nil {
			t.Fatal(err)
		}
		err := fence.NewLocal(fence.LocalConfig{Store: tt.store}).Check(t.Context(), "a", 6)
		if passes := err == nil; passes != tt.passes {
			t.Errorf("%s: Check of a stale token after a restart = %v; want that it passes: %v", tt.name, err, tt.passes)
		}
	}
}

func TestLocalStoreFails(t *testing.T) {
	store := &memory{saved: map[string]sdk.Token{}}
	l := fence.NewLocal(fence.LocalConfig{Store: store})
	broken := errors.New("the disk is gone")
	store.failWith(broken)
	if err := l.Check(t.Context(), "a", 7); !errors.Is(err, broken) || !errors.Is(err, sdk.ErrUncertain) {
		t.Errorf("Check while Load fails = %v; want ErrUncertain, and why", err)
	}
	store.failWith(nil)
	if err := l.Check(t.Context(), "a", 7); err != nil {
		t.Fatal(err)
	}
	store.failWith(broken)
	if err := l.Check(t.Context(), "a", 8); !errors.Is(err, broken) || !errors.Is(err, sdk.ErrUncertain) {
		t.Errorf("Check while Save fails = %v; want ErrUncertain, and why", err)
	}
	if err := l.Check(t.Context(), "a", 7); err != nil {
		t.Errorf("Check of what has passed, and needs no Save, = %v; want nil", err)
	}
}

func TestLocalNames(t *testing.T) {
	l := fence.NewLocal(fence.LocalConfig{MaxNames: 2})
	for _, name := range []string{"a", "b", "a"} {
		if err := l.Check(t.Context(), name, 1); err != nil {
			t.Errorf("Check(%q) = %v; want nil", name, err)
		}
	}
	if err := l.Check(t.Context(), "c", 1); !errors.Is(err, fence.ErrTooManyNames) {
		t.Errorf("Check of a third name = %v; want ErrTooManyNames", err)
	}
}

// enter enters for a test that expects it, in any goroutine.
func enter(t *testing.T, l *fence.Local, token sdk.Token) (leave func()) {
	t.Helper()
	leave, err := l.Enter(t.Context(), "a", token)
	if err != nil {
		t.Errorf("Enter(%d) = %v; want nil", token, err)
		return func() {}
	}
	return leave
}

// TestLocalNewerWaits shows that a newer token waits for the end of what older ones do, and that it
// keeps them out meanwhile.
func TestLocalNewerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := fence.NewLocal(fence.LocalConfig{})
		one, other := enter(t, l, 7), enter(t, l, 7)
		entered := make(chan func())
		go func() { entered <- enter(t, l, 8) }() // ends with the test's last receive
		synctest.Wait()
		if _, err := l.Enter(t.Context(), "a", 7); !errors.Is(err, sdk.ErrStaleToken) {
			t.Errorf("Enter(7) while 8 waits = %v; want ErrStaleToken", err)
		}
		for _, leave := range []func(){one, one, other} { // twice is once
			synctest.Wait()
			select {
			case <-entered:
				t.Error("8 has entered while 7 is inside")
			default:
			}
			leave()
		}
		leave := <-entered
		leave()
		enter(t, l, 8)()
	})
}

// TestLocalOvertaken shows that a token which waits is refused when a newer one comes.
func TestLocalOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := fence.NewLocal(fence.LocalConfig{})
		oldest := enter(t, l, 7)
		refused, entered := make(chan error), make(chan func())
		go func() { // ends with the receive
			_, err := l.Enter(t.Context(), "a", 8)
			refused <- err
		}()
		synctest.Wait()
		go func() { entered <- enter(t, l, 9) }() // ends with the receive
		synctest.Wait()
		oldest()
		if err := <-refused; !errors.Is(err, sdk.ErrStaleToken) {
			t.Errorf("Enter(8), overtaken by 9, = %v; want ErrStaleToken", err)
		}
		(<-entered)()
	})
}

func TestLocalPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := fence.NewLocal(fence.LocalConfig{})
		old := enter(t, l, 7)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Enter(ctx, "a", 8); !errors.Is(err, sdk.ErrUncertain) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Enter(8) while 7 stays = %v; want ErrUncertain and DeadlineExceeded", err)
		}
		if err := l.Check(t.Context(), "a", 7); !errors.Is(err, sdk.ErrStaleToken) {
			t.Errorf("Check(7) after 8 gave up = %v; want ErrStaleToken: 8 was granted", err)
		}
		old()
		enter(t, l, 8)()
	})
}

// TestLocalRace lets many enter at once, and shows that those inside have one token at any time, and
// that tokens only move up.
func TestLocalRace(t *testing.T) {
	l := fence.NewLocal(fence.LocalConfig{Store: &memory{saved: map[string]sdk.Token{}}})
	var mu sync.Mutex
	inside := map[sdk.Token]int{}
	var last sdk.Token
	var wg sync.WaitGroup
	for n := range 400 {
		wg.Go(func() {
			token := sdk.Token(1 + n/8)
			leave, err := l.Enter(t.Context(), "a", token)
			if errors.Is(err, sdk.ErrStaleToken) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside[token]++
			if len(inside) != 1 || token < last {
				t.Errorf("%d is inside after %d, beside %v", token, last, inside)
			}
			last = token
			mu.Unlock()
			defer leave()
			mu.Lock()
			if inside[token]--; inside[token] == 0 {
				delete(inside, token)
			}
			mu.Unlock()
		})
	}
	wg.Wait()
	if got := l.Highest("a"); got != 50 {
		t.Errorf("Highest = %d; want 50", got)
	}
}
