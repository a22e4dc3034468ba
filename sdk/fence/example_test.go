package fence_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/objecttest"
	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// dial connects the examples to the service.
func dial(owner string) *sdk.Client {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := sdk.Dial(ctx, endpoints, sdk.WithOwner(owner))
	if err != nil {
		log.Fatal(err)
	}
	return c
}

// put sends a PUT and returns the answer's status and body.
func put(ctx context.Context, client *http.Client, url, text string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(answer))
}

// A service that is one process keeps the highest token by itself, and refuses lower ones.
func ExampleMiddleware() {
	protect, err := fence.Middleware(fence.Config{
		Checker: fence.NewLocal(fence.LocalConfig{}),
		Name:    fence.Fixed("orders"),
	})
	if err != nil {
		log.Fatal(err)
	}
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := fence.TokenFrom(r.Context())
		fmt.Fprint(w, "written by ", token)
	})
	server := httptest.NewServer(protect(orders))
	defer server.Close()
	client := &http.Client{Transport: &fence.Transport{Base: server.Client().Transport}}

	ctx := context.Background()
	fmt.Println(put(fence.WithToken(ctx, 34), client, server.URL, "shipped"))
	answer := put(fence.WithToken(ctx, 33), client, server.URL, "late")
	fmt.Println(strings.Contains(answer, `"code":"stale_token"`), strings.Contains(answer, `"highest":34`))
	// Output:
	// 200 written by 34
	// true true
}

// A service of several processes asks the cluster's fence; here each order has its own.
func ExampleCluster() {
	ctx := context.Background()
	c := dial("orders")
	defer c.Close(ctx)
	protect, err := fence.Middleware(fence.Config{
		Checker: fence.Cluster(c),
		Name: func(r *http.Request) (string, error) {
			id := r.PathValue("id")
			if id == "" {
				return "", errors.New("the path names no order")
			}
			return "orders/" + id, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("PUT /orders/{id}", protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "written") })))
	server := httptest.NewServer(mux)
	defer server.Close()
	client := &http.Client{Transport: &fence.Transport{Base: server.Client().Transport}}

	fmt.Println(put(fence.WithToken(ctx, 34), client, server.URL+"/orders/42", "shipped"))
	fmt.Println(put(fence.WithToken(ctx, 33), client, server.URL+"/orders/42", "late")[:3])
	fmt.Println(put(fence.WithToken(ctx, 33), client, server.URL+"/orders/43", "shipped"))
	// Output:
	// 200 written
	// 412
	// 200 written
}

// A holder's requests have its token, and none leaves once it knows that the lock is lost.
func ExampleTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get(fence.Header) != "")
	}))
	defer server.Close()
	client := &http.Client{Transport: &fence.Transport{Base: server.Client().Transport}}

	ctx := context.Background()
	c := dial("host-7")
	defer c.Close(ctx)
	hold, err := c.Mutex("orders/44").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	work := fence.WithHold(hold.Context(), hold)
	fmt.Println(put(work, client, server.URL, "shipped"))
	if err := hold.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(put(fence.WithHold(ctx, hold), client, server.URL, "late") == "200 true")
	// Output:
	// 200 true
	// false
}

// Within Do there is the token alone.
func ExampleWithToken() {
	ctx := context.Background()
	c := dial("host-7")
	defer c.Close(ctx)
	err := c.Do(ctx, "orders/45", func(ctx context.Context, token sdk.Token) error {
		ctx = fence.WithToken(ctx, token)
		sent, ok := fence.TokenFrom(ctx) // what Transport will send
		fmt.Println(sent == token, ok)
		return nil
	})
	fmt.Println(err)
	// Output:
	// true true
	// <nil>
}

// A disk is the Store of an example: yours is a table, or a file that is fsynced.
type disk map[string]sdk.Token

func (d disk) Load(_ context.Context, name string) (sdk.Token, error) { return d[name], nil }

func (d disk) Save(_ context.Context, name string, token sdk.Token) error {
	d[name] = max(d[name], token)
	return nil
}

// A Store lets the marks survive a restart of the resource.
func ExampleNewLocal() {
	ctx := context.Background()
	store := disk{}
	fmt.Println(fence.NewLocal(fence.LocalConfig{Store: store}).Check(ctx, "orders", 34))

	restarted := fence.NewLocal(fence.LocalConfig{Store: store})
	fmt.Println(restarted.Check(ctx, "orders", 33))
	// Output:
	// <nil>
	// check fence "orders": token 33 is stale: fence "orders" has seen 34
}

// An object store compares and sets: the token is kept beside the object.
func ExamplePutObject() {
	server := httptest.NewServer(&objecttest.Server{})
	defer server.Close()
	store := objecttest.Store{URL: server.URL, HTTP: server.Client()}

	ctx := context.Background()
	fmt.Println(fence.PutObject(ctx, store, "report.csv", 34, []byte("of the new holder")))
	err := fence.PutObject(ctx, store, "report.csv", 33, []byte("late"))
	if stale, ok := errors.AsType[*fence.StaleError](err); ok {
		fmt.Println("refused:", errors.Is(err, sdk.ErrStaleToken), stale.Highest)
	}
	o, err := store.Get(ctx, "report.csv")
	fmt.Println(string(o.Body), o.Token, err)
	// Output:
	// <nil>
	// refused: true 34
	// of the new holder 34 <nil>
}

// What is written may depend on what is there.
func ExampleUpdateObject() {
	server := httptest.NewServer(&objecttest.Server{})
	defer server.Close()
	store := objecttest.Store{URL: server.URL, HTTP: server.Client()}

	ctx := context.Background()
	add := func(old []byte) ([]byte, error) { return append(old, '+'), nil }
	for range 3 {
		if err := fence.UpdateObject(ctx, store, "log", 34, add); err != nil {
			log.Fatal(err)
		}
	}
	o, err := store.Get(ctx, "log")
	fmt.Println(string(o.Body), err)
	// Output: +++ <nil>
}
