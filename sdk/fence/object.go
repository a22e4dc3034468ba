package fence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// What an object store says, and what comes of it.
var (
	// ErrNoObject is returned by an ObjectStore's Get where there is no object.
	ErrNoObject = errors.New("there is no such object")
	// ErrPrecondition is returned by an ObjectStore's Put whose condition was not met: for certain,
	// nothing was written.
	ErrPrecondition = errors.New("the object has changed meanwhile")
	// ErrContended is returned where an object changed at every attempt to write it.
	ErrContended = errors.New("the object changed at every attempt")
)

// An object is written this often at most, after pauses that grow up to maxPause.
const (
	maxAttempts = 10
	firstPause  = 5 * time.Millisecond
	maxPause    = 200 * time.Millisecond
)

// An Object is an object as a store has it, or shall have it.
type Object struct {
	Body  []byte
	Token sdk.Token // kept beside the body, in the object's metadata; 0: there is none
	ETag  string    // the store's name of this version; empty: there is no object
}

// An ObjectStore is what this package needs of a store with conditional writes, to be put in front
// of its own SDK. Its methods may be called by many goroutines.
type ObjectStore interface {
	// Get returns the object, or an error that matches [ErrNoObject].
	Get(ctx context.Context, key string) (Object, error)
	// Put writes o's body and token together if the store's version is still o.ETag (If-Match), or
	// if there is none where o.ETag is empty (If-None-Match: *). Where the store refuses that (412,
	// and 409 of some) the error matches [ErrPrecondition]. Any other error means that it may or
	// may not have been written.
	Put(ctx context.Context, key string, o Object) error
}

// PutObject writes body and token if the object has no higher token. It is [UpdateObject] for a body
// that does not depend on the old one.
func PutObject(ctx context.Context, store ObjectStore, key string, token sdk.Token, body []byte) error {
	return UpdateObject(ctx, store, key, token, func([]byte) ([]byte, error) { return body, nil })
}

// UpdateObject reads an object, and writes what f makes of its body (nil: there is none) if the
// object has not changed since; it is then the object's token that is kept beside it. Where it has
// changed, it is read again, and f is called again, ten times at most.
//
// An object with a higher token is left alone: a [*StaleError]. Other errors: f's own; one that
// matches [ErrContended] after ten attempts; one that matches [sdk.ErrUncertain] where a write had
// no answer. That is not repeated, for f might be done twice; nor should the store's SDK repeat
// conditional writes by itself, or f must know its own work.
//
// A deleted object takes its token along. Write an empty one instead.
func UpdateObject(ctx context.Context, store ObjectStore, key string, token sdk.Token, f func(old []byte) ([]byte, error)) error {
	if err := checkArguments(key, token); err != nil {
		return err
	}
	for attempt := range maxAttempts {
		if err := pause(ctx, attempt); err != nil {
			return fmt.Errorf("write object %q: %w", key, err)
		}
		if again, err := attemptUpdate(ctx, store, key, token, f); !again {
			return err
		}
	}
	return fmt.Errorf("write object %q: %w", key, ErrContended)
}

// attemptUpdate reads and writes once. It reports whether that may be done again: the object has
// changed between the two.
func attemptUpdate(ctx context.Context, store ObjectStore, key string, token sdk.Token, f func(old []byte) ([]byte, error)) (again bool, err error) {
	old, err := store.Get(ctx, key)
	if errors.Is(err, ErrNoObject) {
		old, err = Object{}, nil
	}
	if err != nil {
		return false, fmt.Errorf("read object %q: %w", key, err)
	}
	if old.Token > token {
		return false, fmt.Errorf("write object %q: %w", key, &StaleError{Fence: key, Token: token, Highest: old.Token})
	}
	body, err := f(old.Body)
	if err != nil {
		return false, err
	}
	err = store.Put(ctx, key, Object{Body: body, Token: token, ETag: old.ETag})
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, ErrPrecondition):
		return true, nil
	}
	return false, fmt.Errorf("write object %q: %w: %w", key, sdk.ErrUncertain, err)
}

// pause waits before an attempt, but not before the first: longer each time, and not in step with
// others.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return nil
	}
	longest := min(firstPause<<attempt, maxPause)
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
