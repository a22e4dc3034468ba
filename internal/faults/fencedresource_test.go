//go:build linux

package faults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/objecttest"
	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// A resource is what the holders of TestLateWrite write to: values that are put over HTTP, without a
// fence below /plain/, behind one below /local/ and /cluster/; and an object store below /objects/.
type resource struct {
	http.ServeMux
	mu     sync.Mutex
	values map[string]string
}

func newResource(t *testing.T, client *sdk.Client) *resource {
	t.Helper()
	r := &resource{values: map[string]string{}}
	name := func(r *http.Request) (string, error) { return "late/" + r.PathValue("key"), nil }
	r.HandleFunc("PUT /plain/{key}", r.put)
	for path, checker := range map[string]fence.Checker{
		"PUT /local/{key}":   fence.NewLocal(fence.LocalConfig{}),
		"PUT /cluster/{key}": fence.Cluster(client),
	} {
		protect, err := fence.Middleware(fence.Config{Checker: checker, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		r.Handle(path, protect(http.HandlerFunc(r.put)))
	}
	r.Handle("/objects/", &objecttest.Server{})
	return r
}

func (r *resource) put(w http.ResponseWriter, req *http.Request) {
	value, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values[req.PathValue("key")] = string(value)
}

// value returns what stands there.
func (r *resource) value(t *testing.T, w *writer, key string) string {
	t.Helper()
	if strings.HasPrefix(key, "object") {
		o, err := w.objects.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return string(o.Body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[key]
}

// A writer writes to a resource.
type writer struct {
	client  *sdk.Client
	url     string
	plain   *http.Client // as programs do that know of no fence
	fenced  *http.Client
	objects objecttest.Store
	reached func() // is where the writer may be stopped
}

func newWriter(t *testing.T, client *sdk.Client, url string, reached func()) *writer {
	t.Helper()
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	plain := &http.Client{Transport: base}
	return &writer{
		client: client, url: url, plain: plain,
		fenced:  &http.Client{Transport: &fence.Transport{Base: base}},
		objects: objecttest.Store{URL: url + "/objects", HTTP: plain},
		reached: reached,
	}
}

// put writes a value over HTTP.
func (w *writer) put(ctx context.Context, client *http.Client, path, value string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, w.url+path, strings.NewReader(value))
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<12))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %s", errRefused, text)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("put %s: %s: %s", path, resp.Status, text)
	}
	return nil
}

// A stoppedPut is an object store whose user is stopped between its read and its write.
type stoppedPut struct {
	objecttest.Store
	reached func()
}

func (s stoppedPut) Put(ctx context.Context, key string, o fence.Object) error {
	s.reached()
	return s.Store.Put(ctx, key, o)
}

// ways are those by which a holder may write. None looks at its hold after reached: between a look
// and a write there is always a moment. Requests are sent with the token alone for the same reason.
var ways = map[string]func(ctx context.Context, w *writer, key string, hold *sdk.Hold, value string) error{
	"no-fence": func(ctx context.Context, w *writer, key string, _ *sdk.Hold, value string) error {
		w.reached()
		return w.put(ctx, w.plain, "/plain/"+key, value)
	},
	"middleware-local": func(ctx context.Context, w *writer, key string, hold *sdk.Hold, value string) error {
		w.reached()
		return w.put(fence.WithToken(ctx, hold.Token()), w.fenced, "/local/"+key, value)
	},
	"middleware-cluster": func(ctx context.Context, w *writer, key string, hold *sdk.Hold, value string) error {
		w.reached()
		return w.put(fence.WithToken(ctx, hold.Token()), w.fenced, "/cluster/"+key, value)
	},
	"object-overwrite": func(ctx context.Context, w *writer, key string, _ *sdk.Hold, value string) error {
		w.reached()
		return w.objects.Overwrite(ctx, key, []byte(value))
	},
	"object": func(ctx context.Context, w *writer, key string, hold *sdk.Hold, value string) error {
		w.reached()
		return fence.PutObject(ctx, w.objects, key, hold.Token(), []byte(value))
	},
	"object-between": func(ctx context.Context, w *writer, key string, hold *sdk.Hold, value string) error {
		return fence.PutObject(ctx, stoppedPut{w.objects, w.reached}, key, hold.Token(), []byte(value))
	},
	"fence": func(ctx context.Context, w *writer, key string, hold *sdk.Hold, value string) error {
		w.reached()
		if err := w.client.Fence("late/"+key).Check(ctx, hold.Token()); err != nil {
			return err
		}
		return w.put(ctx, w.plain, "/plain/"+key, value)
	},
	"fence-too-early": func(ctx context.Context, w *writer, key string, hold *sdk.Hold, value string) error {
		if err := w.client.Fence("late/"+key).Check(ctx, hold.Token()); err != nil {
			return err
		}
		w.reached()
		return w.put(ctx, w.plain, "/plain/"+key, value)
	},
}
