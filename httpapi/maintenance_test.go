package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// fakeMaintenance measures nothing.
type fakeMaintenance struct{ fail error }

func (f *fakeMaintenance) Defrag(context.Context) (Defragmented, error) {
	return Defragmented{Member: "m1", Leader: true, Before: 9 << 20, After: 1 << 20, Took: Span(12 * time.Millisecond), Revision: 107}, f.fail
}

func (f *fakeMaintenance) Diagnose(context.Context) (Diagnosis, error) {
	return Diagnosis{
		Member: "m1", MemberID: "000000000000000a", Version: "v1", Time: noon, Leader: "m2", Heartbeat: Span(100 * time.Millisecond), Election: Span(time.Second),
		FsyncMedian: Span(time.Millisecond), FsyncWorst: Span(2 * time.Millisecond), FreeDisk: -1, Revision: 107,
		Peers: []Peer{{Name: "m2", ID: "000000000000000b", Answers: true, RoundTrip: Span(150 * time.Microsecond)}, {ID: "000000000000000c", Learner: true}},
	}, f.fail
}

func TestMaintenance(t *testing.T) {
	a := newBench().start(t)
	rec := ask(t, a, http.MethodPost, "/v1/defrag", "")
	if m := decoded(t, rec); rec.Code != http.StatusOK || m["bytes_after"] != 1048576.0 || m["took"] != "12ms" {
		t.Errorf("defrag = %d %v", rec.Code, m)
	}
	rec = ask(t, a, http.MethodGet, "/v1/diagnosis", "")
	if m := decoded(t, rec); rec.Code != http.StatusOK || m["election"] != "1s" || len(m["peers"].([]any)) != 2 {
		t.Errorf("diagnosis = %d %v", rec.Code, m)
	}
	a.diagnoses.Add(1)
	wantProblem(t, ask(t, a, http.MethodGet, "/v1/diagnosis", ""), http.StatusTooManyRequests, "too_many_requests")

	b := newBench()
	b.Maintenance = nil
	a = b.start(t)
	wantProblem(t, ask(t, a, http.MethodPost, "/v1/defrag", ""), http.StatusNotFound, "unknown_route")
	wantProblem(t, ask(t, a, http.MethodGet, "/v1/diagnosis", ""), http.StatusNotFound, "unknown_route")
}
