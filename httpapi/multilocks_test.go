package httpapi

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/lockkeeper/lockkeeper/znode"
)

// TestSeveralLocksForEveryClient: with compat, each of several locks has the second znode that keeps
// kazoo's clients away, and loses it with the first.
func TestSeveralLocksForEveryClient(t *testing.T) {
	a, m := overMember(t)
	znodes := func() (n int) {
		m.Store.View(func(tree *znode.Tree, _ int64) { n = tree.EphemeralCount() })
		return n
	}
	got := wantFields(t, ask(t, a, http.MethodPost, "/v1/multilocks/acquire", `{"names":["b","a"],"compat":"all","ttl":"30s"}`), http.StatusOK, nil)
	if n := znodes(); n != 4 {
		t.Errorf("%d znodes; want two for each lock", n)
	}
	session := got["holds"].([]any)[0].(map[string]any)["session"]
	release := fmt.Sprintf(`{"names":["a","b"],"session":%q}`, session)
	wantFields(t, ask(t, a, http.MethodPost, "/v1/multilocks/release", release), http.StatusOK, nil)
	if n := znodes(); n != 0 {
		t.Errorf("%d znodes are left", n)
	}
	wantProblem(t, ask(t, a, http.MethodPost, "/v1/multilocks/acquire", `{"names":["a"],"compat":"latch"}`), http.StatusBadRequest, "bad_request")
}
