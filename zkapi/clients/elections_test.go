//go:build linux

package clients

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestElections has candidates of ours and of Curator's LeaderSelector and LeaderLatch and kazoo's
// Election lead in turn: each waits for the other, each knows who leads, a hand-over to a ZooKeeper
// client is refused, and one past it, too.
func TestElections(t *testing.T) {
	java, py := curatorProgram(t, "Leaders"), kazoo(t)
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	for _, foreign := range []struct {
		id      string
		command []string
		compat  []sdk.LockOption
	}{
		{"selector", with(java, "selector"), nil},
		{"latch", with(java, "latch"), []sdk.LockOption{sdk.WithCompatLatch()}},
		{"kazoo", []string{py[0], "testdata/leaders.py"}, []sdk.LockOption{sdk.WithCompatAll()}},
	} {
		t.Run(foreign.id, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
			defer cancel()
			name := "elections/" + foreign.id
			a, b := dialSDK(ctx, t, cluster.Endpoints()...).Election(name, foreign.compat...), dialSDK(ctx, t, cluster.Endpoints()...).Election(name, foreign.compat...)
			stand := func() *contender { return contend(t, cluster, "/"+name, foreign.command) }
			candidates := func(total int) (q sdk.Queue) {
				t.Helper()
				clustertest.Eventually(t, patience, "the candidates are there", func() bool {
					var err error
					q, err = a.Candidates(ctx)
					return err == nil && q.Total == total
				})
				return q
			}
			campaign := func(e *sdk.Election, value string) <-chan *sdk.Term {
				led := make(chan *sdk.Term, 1)
				go func() {
					term, err := e.Campaign(ctx, value)
					if err != nil {
						t.Errorf("campaign: %v", err)
					}
					led <- term
				}()
				return led
			}
			leads := func(led <-chan *sdk.Term) *sdk.Term {
				t.Helper()
				select {
				case term := <-led:
					if term == nil {
						t.FailNow()
					}
					return term
				case <-ctx.Done():
					t.Fatal("our candidate does not lead")
					return nil
				}
			}

			// Ours leads, theirs waits.
			first, err := a.Campaign(ctx, "ours")
			if err != nil {
				t.Fatal(err)
			}
			theirs := stand()
			q := candidates(2)
			if w := q.Contenders[1]; w.Value != foreign.id || w.Door != "zookeeper" || w.Owner != "" && w.Owner == w.Value {
				t.Errorf("their candidate is %+v", w)
			}
			theirs.tell(t, "leader")
			theirs.says(t, "ours")
			theirs.silent(t)
			if err := first.HandOver(ctx, q.Contenders[1].Token); !errors.Is(err, sdk.ErrInput) || !strings.Contains(err.Error(), "ZooKeeper") {
				t.Errorf("a hand-over to a client of ZooKeeper: %v", err)
			}
			theirs.says(t, "leads") // the refused one has resigned

			// Theirs leads, ours waits.
			leader, err := b.Leader(ctx)
			if err != nil || leader.Value != foreign.id || leader.Token <= first.Token() {
				t.Errorf("the leader is %+v, %v", leader, err)
			}
			next := campaign(a, "second")
			candidates(2)
			theirs.tell(t, "resign")
			theirs.says(t, "gone")
			second := leads(next)

			// Ours hands over to ours, unless one of theirs waits, which would have to be moved.
			last := campaign(b, "third")
			q = candidates(2)
			if err := second.HandOver(ctx, q.Contenders[1].Token); err != nil {
				t.Fatalf("hand over: %v", err)
			}
			third := leads(last)
			if third.Token() <= second.Token() {
				t.Errorf("the term's token is %d, that of the one before %d", third.Token(), second.Token())
			}
			between := stand()
			candidates(2)
			next = campaign(a, "fourth")
			q = candidates(3)
			between.tell(t, "leader")
			between.says(t, "third")
			between.silent(t)
			if err := third.HandOver(ctx, q.Contenders[2].Token); !errors.Is(err, sdk.ErrInput) || !strings.Contains(err.Error(), "ZooKeeper") {
				t.Errorf("a hand-over past a client of ZooKeeper: %v", err)
			}
			between.says(t, "leads")
			between.tell(t, "resign")
			between.says(t, "gone")
			if err := leads(next).Resign(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
