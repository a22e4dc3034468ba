package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"testing"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// overREST asks the REST door for something that session holds, and returns the answer's token.
func overREST(ctx context.Context, path string, session *sdk.Session, more ...string) (sdk.Token, error) {
	q := url.Values{"session": {session.ID().String()}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoints[0]+path+"?"+q.Encode(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var answer struct{ Token sdk.Token }
	if err := json.Unmarshal(body, &answer); err != nil || resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s %s", path, resp.Status, body)
	}
	return answer.Token, nil
}

// TestAdopt: a hold that came by another door tells of its loss, is released, and is forgotten.
func TestAdopt(t *testing.T) {
	t.Parallel()
	ctx := patience(t)
	c := client("adopt")
	defer c.Close(ctx)
	s, err := c.OpenSession(ctx)
	if err != nil {
		t.Fatal(err)
	}
	adopt := func(name string, token sdk.Token, permits int) *sdk.Hold {
		t.Helper()
		h, err := s.Adopt(ctx, name, token, permits)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	take := func(path string, more ...string) sdk.Token {
		t.Helper()
		token, err := overREST(ctx, path, s, more...)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}

	t.Run("taken by force", func(t *testing.T) {
		token := take("/v1/locks/adopt/forced/acquire")
		h := adopt("adopt/forced", token, 0)
		if h.Err() != nil || h.Token() != token || adopt("adopt/forced", token, 0) != h {
			t.Errorf("%v: %v", h.Token(), h.Err())
		}
		if err := c.ForceRelease(ctx, "adopt/forced", token, "a test"); err != nil {
			t.Fatal(err)
		}
		wait(t, ctx, h)
		if !errors.Is(h.Err(), sdk.ErrLost) {
			t.Errorf("%v", h.Err())
		}
	})
	t.Run("released here", func(t *testing.T) {
		h := adopt("adopt/lock", take("/v1/locks/adopt/lock/acquire"), 0)
		if err := h.Unlock(ctx); err != nil {
			t.Fatal(err)
		}
		again, err := c.Mutex("adopt/lock").TryLock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_ = again.Unlock(ctx)
		permits := adopt("adopt/permits", take("/v1/semaphores/adopt/permits/acquire", "permits", "2", "limit", "2"), 2)
		if err := permits.Unlock(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("released there", func(t *testing.T) {
		h := adopt("adopt/there", take("/v1/locks/adopt/there/acquire"), 0)
		take("/v1/locks/adopt/there/release")
		if err := h.Err(); err != nil {
			t.Errorf("its own release is a loss: %v", err)
		}
		h.Forget()
		h.Forget()
		if !errors.Is(h.Err(), sdk.ErrReleased) || h.State() != sdk.Released {
			t.Errorf("%v, %v", h.State(), h.Err())
		}
	})
	t.Run("not held", func(t *testing.T) {
		if _, err := s.Adopt(ctx, "adopt/none", 4711, 0); !errors.Is(err, sdk.ErrLost) {
			t.Errorf("%v", err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for _, err := range []error{
			second(s.Adopt(ctx, "", 1, 0)), second(s.Adopt(ctx, "a", 0, 0)), second(s.Adopt(ctx, "a", 1, -1)), second(s.Adopt(ctx, "a", 1, 0, sdk.WithPermits(1))),
		} {
			if !errors.Is(err, sdk.ErrInput) {
				t.Errorf("%v", err)
			}
		}
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Adopt(ctx, "a", 1, 0); !errors.Is(err, sdk.ErrReleased) {
			t.Errorf("%v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// wait waits for the end of a hold.
func wait(t *testing.T, ctx context.Context, h *sdk.Hold) {
	t.Helper()
	select {
	case <-h.Lost():
	case <-ctx.Done():
		t.Fatal("no loss was told")
	}
}

func ExampleSession_Adopt() {
	ctx := context.Background()
	c, err := sdk.Dial(ctx, endpoints)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	session, err := c.OpenSession(ctx)
	if err != nil {
		log.Fatal(err)
	}
	token, err := overREST(ctx, "/v1/locks/example/adopted/acquire", session)
	if err != nil {
		log.Fatal(err)
	}
	hold, err := session.Adopt(ctx, "example/adopted", token, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.Name(), "is", hold.State())
	fmt.Println(hold.Unlock(ctx))
	// Output:
	// example/adopted is held
	// <nil>
}
