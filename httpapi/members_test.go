package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/lockkeeper/lockkeeper/lock"
)

// fakeMembers remembers what it was asked, and answers with three members.
type fakeMembers struct {
	asked string
	fresh lock.Read
	fail  error
}

func (f *fakeMembers) did(what string, force bool) (Membership, error) {
	f.asked = fmt.Sprint(what, " ", force)
	return Membership{
		Member: "000000000000000b", Voters: 2, Quorum: 2, Revision: 106,
		Members: []Member{{Name: "m1", ID: "000000000000000a", Leader: true, Online: true, Addresses: map[string]string{"peer": "http://a1:2380"}}, {ID: "000000000000000b", Learner: true}},
	}, f.fail
}

func (f *fakeMembers) List(_ context.Context, fresh lock.Read) (Membership, error) {
	f.fresh = fresh
	return f.did("list", false)
}

func (f *fakeMembers) Add(_ context.Context, peer string) (Membership, error) {
	return f.did("add "+peer, false)
}

func (f *fakeMembers) Promote(_ context.Context, which string, force bool) (Membership, error) {
	return f.did("promote "+which, force)
}

func (f *fakeMembers) Remove(_ context.Context, which string, force bool) (Membership, error) {
	return f.did("remove "+which, force)
}

func (f *fakeMembers) Lead(_ context.Context, which string) (Membership, error) {
	return f.did("lead "+which, false)
}

func TestMembers(t *testing.T) {
	for _, tc := range []struct{ method, path, body, want string }{
		{http.MethodGet, "/v1/members?consistency=linearizable", "", "list false"},
		{http.MethodPost, "/v1/members", `{"peer":"http://a2:2380"}`, "add http://a2:2380 false"},
		{http.MethodPost, "/v1/members/000000000000000b/promote", "", "promote 000000000000000b false"},
		{http.MethodPost, "/v1/members/m2/promote", `{"force":true}`, "promote m2 true"},
		{http.MethodDelete, "/v1/members/m2", "", "remove m2 false"},
		{http.MethodDelete, "/v1/members/m2?force=true", "", "remove m2 true"},
		{http.MethodPost, "/v1/members/m2/lead", "", "lead m2 false"},
	} {
		b := newBench()
		rec := ask(t, b.start(t), tc.method, tc.path, tc.body)
		if rec.Code != http.StatusOK || b.members.asked != tc.want || decoded(t, rec)["quorum"] != 2.0 {
			t.Errorf("%s %s: %d, asked %q; want %q", tc.method, tc.path, rec.Code, b.members.asked, tc.want)
		}
		if tc.method == http.MethodGet && !b.members.fresh.Linearizable {
			t.Error("the list is not read linearizably")
		}
	}
	b := newBench()
	m := wantProblem(t, ask(t, b.start(t), http.MethodPost, "/v1/members", ""), http.StatusBadRequest, "bad_request")
	if m["field"] != "peer" {
		t.Errorf("adding nobody: %v", m)
	}
	b = newBench()
	b.Members = nil
	wantProblem(t, ask(t, b.start(t), http.MethodGet, "/v1/members", ""), http.StatusNotFound, "unknown_route")
}
