package fence_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/lockkeeper/lockkeeper/internal/objecttest"
	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// objectServer starts an object store, which ends with the test.
func objectServer(t *testing.T) objecttest.Store {
	t.Helper()
	server := httptest.NewServer(&objecttest.Server{})
	t.Cleanup(server.Close)
	client := &http.Client{}
	t.Cleanup(client.CloseIdleConnections)
	return objecttest.Store{URL: server.URL, HTTP: client}
}

// want compares an object with what a test expects.
func want(t *testing.T, store fence.ObjectStore, key, body string, token sdk.Token) {
	t.Helper()
	o, err := store.Get(t.Context(), key)
	if err != nil || string(o.Body) != body || o.Token != token {
		t.Errorf("Get(%q) = %q with token %d, %v; want %q with token %d", key, o.Body, o.Token, err, body, token)
	}
}

func TestPutObject(t *testing.T) {
	store := objectServer(t)
	for _, tt := range []struct {
		token   sdk.Token
		highest sdk.Token // of the refusal; 0: it is written
	}{{7, 0}, {7, 0}, {6, 7}, {9, 0}, {8, 9}, {9, 0}} {
		text := fmt.Sprint("by ", tt.token)
		err := fence.PutObject(t.Context(), store, "a", tt.token, []byte(text))
		stale, _ := errors.AsType[*fence.StaleError](err)
		switch {
		case tt.highest == 0 && err != nil:
			t.Errorf("PutObject(%d) = %v; want nil", tt.token, err)
		case tt.highest != 0 && (stale == nil || stale.Highest != tt.highest || !errors.Is(err, sdk.ErrStaleToken)):
			t.Errorf("PutObject(%d) = %v; want that it is stale, with %d seen", tt.token, err, tt.highest)
		}
		if tt.highest == 0 {
			want(t, store, "a", text, tt.token)
		} else {
			want(t, store, "a", fmt.Sprint("by ", tt.highest), tt.highest)
		}
	}
}

// TestUpdateObjectWithoutToken shows that an object which was there before any fence is taken over.
func TestUpdateObjectWithoutToken(t *testing.T) {
	store := objectServer(t)
	if err := store.Overwrite(t.Context(), "a", []byte("old")); err != nil {
		t.Fatal(err)
	}
	err := fence.UpdateObject(t.Context(), store, "a", 7, func(old []byte) ([]byte, error) { return append(old, " and new"...), nil })
	if err != nil {
		t.Fatal(err)
	}
	want(t, store, "a", "old and new", 7)
}

// between is a store on which something happens right before a Put.
type between struct {
	fence.ObjectStore
	happens func() error
}

func (b between) Put(ctx context.Context, key string, o fence.Object) error {
	if err := b.happens(); err != nil {
		return err
	}
	return b.ObjectStore.Put(ctx, key, o)
}

// TestPutObjectOvertaken lets a newer token write between the read and the write of an older one.
func TestPutObjectOvertaken(t *testing.T) {
	for _, before := range []string{"", "there before"} {
		store := objectServer(t)
		if before != "" {
			if err := fence.PutObject(t.Context(), store, "a", 5, []byte(before)); err != nil {
				t.Fatal(err)
			}
		}
		slow := between{store, func() error { return fence.PutObject(t.Context(), store, "a", 8, []byte("newer")) }}
		if err := fence.PutObject(t.Context(), slow, "a", 7, []byte("late")); !errors.Is(err, sdk.ErrStaleToken) {
			t.Errorf("PutObject, overtaken, = %v; want ErrStaleToken", err)
		}
		want(t, store, "a", "newer", 8)
	}
}

func TestUpdateObjectErrors(t *testing.T) {
	gone := errors.New("gone home")
	for _, tt := range []struct {
		name string
		put  func(cancel context.CancelCauseFunc) error
		f    error
		want error
		puts int
	}{
		{"changes each time", func(context.CancelCauseFunc) error { return fence.ErrPrecondition }, nil, fence.ErrContended, 10},
		{"no answer", func(context.CancelCauseFunc) error { return errors.New("cut off") }, nil, sdk.ErrUncertain, 1},
		{"its own error", nil, errors.ErrUnsupported, errors.ErrUnsupported, 0},
		{"its own precondition", nil, fence.ErrPrecondition, fence.ErrPrecondition, 0},
		{"context ends", func(cancel context.CancelCauseFunc) error { cancel(gone); return fence.ErrPrecondition }, nil, gone, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the pauses are long
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				puts := 0
				store := between{noObjects{}, func() error { puts++; return tt.put(cancel) }}
				err := fence.UpdateObject(ctx, store, "a", 7, func([]byte) ([]byte, error) { return nil, tt.f })
				if !errors.Is(err, tt.want) || puts != tt.puts {
					t.Errorf("UpdateObject = %v after %d puts; want %v after %d", err, puts, tt.want, tt.puts)
				}
			})
		})
	}
	if err := fence.PutObject(t.Context(), noObjects{}, "a", 0, nil); !errors.Is(err, sdk.ErrInput) {
		t.Errorf("PutObject without a token = %v; want ErrInput", err)
	}
}

// noObjects is an empty store.
type noObjects struct{ fence.ObjectStore }

func (noObjects) Get(context.Context, string) (fence.Object, error) {
	return fence.Object{}, fence.ErrNoObject
}

// TestObjectRace lets writers with different tokens race for one object, and shows that the older
// token never overwrites the newer: the tokens only move up from version to version.
func TestObjectRace(t *testing.T) {
	const writers, writes = 6, 25
	store := objectServer(t)
	var mu sync.Mutex
	var written []sdk.Token // in the order of the versions: recorded before the store takes another write
	recorded := &recorder{Store: store, wrote: func(token sdk.Token) { written = append(written, token) }, mu: &mu}
	stale := 0
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for k := range writes {
				token := sdk.Token(1 + k*writers + n)
				err := fence.PutObject(t.Context(), recorded, "a", token, []byte("x"))
				mu.Lock()
				if errors.Is(err, sdk.ErrStaleToken) {
					stale++
				} else if err != nil && !errors.Is(err, fence.ErrContended) {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i := 1; i < len(written); i++ {
		if written[i] < written[i-1] {
			t.Errorf("token %d has overwritten %d", written[i], written[i-1])
		}
	}
	t.Logf("%d versions were written, %d tokens were refused", len(written), stale)
	if len(written) < 2 {
		t.Errorf("only %d versions were written", len(written))
	}
}

// A recorder notes the versions of a store in their order.
type recorder struct {
	objecttest.Store
	mu    *sync.Mutex
	wrote func(sdk.Token)
}

func (r *recorder) Put(ctx context.Context, key string, o fence.Object) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.Store.Put(ctx, key, o)
	if err == nil {
		r.wrote(o.Token)
	}
	return err
}
