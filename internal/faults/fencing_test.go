//go:build linux

package faults

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// The variables by which a child of TestLateWrite learns how to write, and where.
const (
	wayVariable      = "FAULTS_FENCING_WAY"
	resourceVariable = "FAULTS_FENCING_RESOURCE"
)

// What comes of a late write.
const (
	written = "written"
	refused = "refused"
)

// lateWrites is what a late write comes to by each way of writing, and what this shows.
var lateWrites = map[string]string{
	"no-fence":           written, // the accident
	"middleware-local":   refused,
	"middleware-cluster": refused,
	"object-overwrite":   written, // the accident
	"object":             refused,
	"object-between":     refused, // stopped after the read, before the write
	"fence":              refused, // the writer itself checks
	"fence-too-early":    written, // stopped after the check: why the resource should be the one to check
}

// TestLateWrite stops the processes of holders with SIGSTOP, right before they write, until others
// hold their locks and have written, and lets them go on. It shows that without a fence the late
// write lands over the newer one, and by which ways it is refused.
func TestLateWrite(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	client := dial(t, c.Endpoints())
	res := newResource(t, client)
	server := httptest.NewServer(res)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()

	holders := map[string]*childtest.Child{}
	tokens := map[string]sdk.Token{}
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		holders[way] = startChild(t, c.Endpoints(), "TestLateWriteChild", wayVariable+"="+way, resourceVariable+"="+server.URL)
	}
	for way, k := range holders {
		var token sdk.Token
		k.Hear(t, "writes with %d", &token)
		tokens[way] = token
	}
	for _, k := range holders {
		k.Signal(t, syscall.SIGSTOP)
	}
	next := newWriter(t, client, server.URL, func() {})
	for way := range holders {
		hold, err := client.Mutex("late/" + way).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if hold.Token() <= tokens[way] {
			t.Errorf("%s: token %d was given after %d", way, hold.Token(), tokens[way])
		}
		if err := ways[way](ctx, next, way, hold, "the next"); err != nil {
			t.Fatalf("%s: the next holder's write: %v", way, err)
		}
	}
	for way, k := range holders {
		k.GoOn(t) // it does not see that before it is woken
		k.Signal(t, syscall.SIGCONT)
		var outcome string
		k.Hear(t, "%s", &outcome)
		k.Ends(t)
		value := map[string]string{written: "the late one", refused: "the next"}[lateWrites[way]]
		got := res.value(t, next, way)
		t.Logf("%s: the late write was %s; what stands there is by %s", way, outcome, got)
		if outcome != lateWrites[way] || got != value {
			t.Errorf("%s: the late write was %s and %q stands there; want %s and %q", way, outcome, got, lateWrites[way], value)
		}
	}
}

// TestLateWriteChild is not a test but a holder. It looks at its hold, is stopped, and writes.
func TestLateWriteChild(t *testing.T) {
	client := asChild(t, sdk.WithTTL(stoppedTTL))
	way := os.Getenv(wayVariable)
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	hold, err := client.Mutex("late/" + way).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	late := newWriter(t, client, os.Getenv(resourceVariable), func() {
		if err := hold.Err(); err != nil {
			t.Errorf("the lock is lost before the holder was stopped: %v", err)
		}
		childtest.Say("writes with %d", hold.Token())
		childtest.Told()
	})
	switch err := ways[way](ctx, late, way, hold, "the late one"); {
	case err == nil:
		childtest.Say(written)
	case errors.Is(err, sdk.ErrStaleToken), errors.Is(err, errRefused):
		childtest.Say(refused)
	default:
		t.Error(err)
	}
}

// errRefused is the answer of a resource to a stale token.
var errRefused = errors.New("the resource has answered " + http.StatusText(http.StatusPreconditionFailed))
