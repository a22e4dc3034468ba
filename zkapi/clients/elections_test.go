//go:build linux

package clients

import (
	"context"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestElections has candidates of ours and of Curator's LeaderSelector and LeaderLatch and kazoo's
// Election lead in turn: each waits for the other, each knows who leads, a hand-over to a ZooKeeper
// client is refused, and one past it, too.
func TestElections(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	look := dialSDK(ctx, t, cluster.Endpoints()...)
	for _, foreign := range []struct {
		name   string
		client peer
		id     string // as it calls itself
		compat string
	}{
		{"selector", curator("selector"), "selector", ""},
		{"selector-all", curator("selector"), "selector", "all"},
		{"latch", curator("latch"), "latch", "latch"},
		{"kazoo", kazoo("election"), "kazoo", "all"},
	} {
		t.Run(foreign.name, func(t *testing.T) {
			name := "elections/" + foreign.name
			stand := func() *contender { return contend(t, cluster, foreign.client, "/"+name) }
			saying := func(value string) ask { return ask{value: value, compat: foreign.compat} }
			candidates := func(total int) (q sdk.Queue) {
				t.Helper()
				clustertest.Eventually(t, patience, "the candidates are there", func() bool {
					var err error
					q, err = look.Election(name).Candidates(ctx)
					return err == nil && q.Total == total
				})
				return q
			}
			leader := func(want string) {
				t.Helper()
				d := o.door()
				if got, err := d.leader(ctx, name); err != nil || got != want {
					t.Errorf("by %v, %q leads, %v; want %q", d, got, err, want)
				}
			}
			refused := func(h *held, to sdk.Token, what string) {
				t.Helper()
				if err := h.handOver(ctx, int64(to)); err == nil || !strings.Contains(err.Error(), "ZooKeeper") {
					t.Errorf("a hand-over %s: %v", what, err)
				}
			}

			// Ours leads, theirs waits.
			first := begin(ctx, t, o.program(), name, saying("ours")).holds(t)
			theirs := stand()
			q := candidates(2)
			if w := q.Contenders[1]; w.Value != foreign.id || w.Door != "zookeeper" || w.Owner != "" && w.Owner == w.Value {
				t.Errorf("their candidate is %+v", w)
			}
			if got := theirs.asked(t, "leader"); got != "ours" {
				t.Errorf("they see %q lead", got)
			}
			theirs.silent(t)
			refused(first, q.Contenders[1].Token, "to a client of ZooKeeper")
			released(ctx, t, first)
			theirs.says(t, "leads")

			// Theirs leads, ours waits.
			leader(foreign.id)
			if got := candidates(1).Contenders[0].Token; int64(got) <= first.token {
				t.Errorf("their token is %d, that of the term before %d", got, first.token)
			}
			next := begin(ctx, t, o.program(), name, saying("second"))
			candidates(2)
			next.waits(t)
			theirs.tell(t, "resign")
			theirs.says(t, "gone")
			second := next.holds(t)
			leader("second")

			// Ours hands over to ours, unless one of theirs waits, which would have to be moved.
			last := begin(ctx, t, o.program(), name, saying("third"))
			q = candidates(2)
			if err := second.handOver(ctx, int64(q.Contenders[1].Token)); err != nil {
				t.Fatalf("hand over: %v", err)
			}
			third := last.holds(t)
			if third.token <= second.token {
				t.Errorf("the term's token is %d, that of the one before %d", third.token, second.token)
			}
			between := stand()
			candidates(2)
			fourth := o.asks(ctx, t, name, saying("fourth"))
			q = candidates(3)
			if got := between.asked(t, "leader"); got != "third" {
				t.Errorf("they see %q lead", got)
			}
			between.silent(t)
			refused(third, q.Contenders[2].Token, "past a client of ZooKeeper")
			released(ctx, t, third)
			between.says(t, "leads")
			fourth.waits(t)
			between.tell(t, "resign")
			between.says(t, "gone")
			h := fourth.holds(t)
			leader("fourth")
			released(ctx, t, h)
		})
	}
}
