package store

import (
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/racetest"
	"github.com/lockkeeper/lockkeeper/internal/rules"
)

// ruleCases has a row for every rule of the protocol: taken out, the simulation must find an
// accident.
var ruleCases = []struct {
	name    string
	out     rules.Out
	profile profile
	scene   scene
	want    string // in the accident; empty: any
}{
	{name: "no guard", out: rules.Out{NoGuard: true}, profile: evenProfile},
	{name: "guard read again from the tree", out: rules.Out{GuardReadAgain: true}, profile: evenProfile},
	{name: "an unknown outcome counts as a no", out: rules.Out{UnknownIsNo: true}, profile: evenProfile},
	{name: "a refusal leaves before its batch", out: rules.Out{RefuseEarly: true}, profile: evenProfile},
	{name: "a refusal is not committed", out: rules.Out{RefuseUnlogged: true}, profile: evenProfile},
	{name: "takeover only on gaining leadership", out: rules.Out{TakeoverOnGain: true}, profile: evenProfile},
	{name: "serving before the own epoch is applied", out: rules.Out{ServeUnapplied: true}, profile: evenProfile},
	{name: "serving because the epoch names me", out: rules.Out{ServeByName: true}, profile: evenProfile},
	{name: "a takeover keeps the queue", scene: kept, want: "twice", out: rules.Out{KeepQueue: true}, profile: evenProfile},
	{name: "an opening is answered while not serving, and a takeover does not look at batches", out: rules.Out{OpenUnserving: true, TakeoverPastBatches: true}, profile: evenProfile},
	{name: "an opening is answered with requests in flight", out: rules.Out{OpenInFlight: true}, profile: evenProfile},
	{name: "messages of an older stream are taken", out: rules.Out{TakeOldStreams: true}, profile: evenProfile},
	{name: "an older stream's queue is kept", out: rules.Out{KeepOldQueue: true}, profile: evenProfile},
	{name: "an incarnation is used again", out: rules.Out{SameIncarnation: true}, profile: evenProfile.with(map[int]int{stepCrash: 2})},
	{name: "the member does not wait for the opening's revision", out: rules.Out{ResendAtOnce: true}, profile: evenProfile},
	{name: "the writer sends again too", out: rules.Out{WriterResends: true}, profile: evenProfile},
	{name: "a batch is judged without the one before", out: rules.Out{JudgeBehind: true}, profile: evenProfile},
	{name: "what did not happen returns to the tail", out: rules.Out{ReturnToTail: true}, profile: evenProfile.with(map[int]int{stepDrop: 5})},
	{name: "no owner check", out: rules.Out{NoOwnerCheck: true}, profile: sessionProfile},
	{name: "a close does not see its own batch", out: rules.Out{CloseBlind: true}, profile: sessionProfile},
	{name: "an answer does not wait for its tree", out: rules.Out{AnswerUnapplied: true}, profile: evenProfile},
	{name: "a takeover does not look for grants that are due", scene: granting, want: "never made", out: rules.Out{ForgetDue: true}, profile: evenProfile},
	{name: "touches: no epoch check", scene: deposedIdle, want: "two holders", out: rules.Out{NoEpochCheck: true}, profile: sessionProfile},
	{name: "touches: no read index", scene: deposed, want: "two holders", out: rules.Out{NoReadIndex: true}, profile: sessionProfile},
	{name: "touches: a read index under way", scene: deposedReading, want: "two holders", out: rules.Out{ReadIndexBefore: true}, profile: sessionProfile},
	{name: "touches: the tree is not awaited", scene: deposedBehind, want: "two holders", out: rules.Out{TreeNotAwaited: true}, profile: sessionProfile},
	{name: "touches: answered unconfirmed", scene: deposed, want: "two holders", out: rules.Out{AnswerUnconfirmed: true}, profile: sessionProfile},
	{name: "touches: confirmed from the log", scene: deposed, want: "two holders", out: rules.Out{ConfirmFromLog: true}, profile: sessionProfile},
	{name: "touches: confirmed by an earlier batch", scene: deposedCommitting, want: "two holders", out: rules.Out{ConfirmByEarlier: true}, profile: sessionProfile},
	{name: "a takeover keeps last touches", scene: leadingAgain, want: "two holders", out: rules.Out{KeepTouches: true}, profile: sessionProfile},
	{name: "last touches become now too early", scene: slowTakeover, want: "two holders", out: rules.Out{TouchesNowEarly: true}, profile: sessionProfile},
	{name: "a takeover keeps closing marks", scene: closedInVain, want: "two holders", out: rules.Out{KeepClosing: true}, profile: sessionProfile},
	{name: "a takeover keeps unconfirmed touches", out: rules.Out{KeepUnconfirmed: true}, profile: sessionProfile},
	{name: "closes are carried over", scene: closedInVain, want: "two holders", out: rules.Out{CarryCloses: true}, profile: sessionProfile},
	{name: "a closing session is touched", scene: closing, want: "two holders", out: rules.Out{TouchWhileClosing: true}, profile: sessionProfile},
	{name: "expired is told before the close is committed", out: rules.Out{TellBeforeClose: true}, profile: sessionProfile},
	{name: "a deadline is judged with an old TTL", scene: moved, want: "two holders", out: rules.Out{OldTTL: true}, profile: sessionProfile},
	{name: "no grace", scene: lateReply, want: "two holders", out: rules.Out{NoGrace: true}, profile: sessionProfile},
	{name: "ZooKeeper: replies however old the touch", scene: zkDeposed, want: "two holders", out: rules.Out{ZooKeeperNoThird: true}, profile: sessionProfile},
	{name: "ZooKeeper: watch events however old the touch", scene: zkDeposed, want: "two holders", out: rules.Out{ZooKeeperEvents: true}, profile: sessionProfile},
	{name: "ZooKeeper: age from the confirmation's arrival", scene: zkLateConfirm, want: "two holders", out: rules.Out{ZooKeeperReceipt: true}, profile: sessionProfile},
	{name: "the client counts from the answer", scene: restLateConfirm, want: "two holders", out: rules.Out{CountFromAnswer: true}, profile: sessionProfile},
	{name: "the clock is read before the arrival", scene: silent, want: "two holders", out: rules.Out{ClockBeforeArrival: true}, profile: sessionProfile},
}

// TestRulesTakenOut takes out one rule at a time and demands the accident.
func TestRulesTakenOut(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i := range uint64(*simSearch) {
				seeds := seedsOf(*simSeed+i, simSteps)
				w := run(seeds, c.out, c.profile, c.scene, false)
				if w.accident == "" || !strings.Contains(w.accident, c.want) {
					continue
				}
				short := shrink(seeds[:min(len(seeds), w.steps+2)], c.out, c.profile, c.scene)
				t.Logf("seed %d, %d runs, %d steps: %s", *simSeed+i, i+1, len(short), run(short, c.out, c.profile, c.scene, false).accident)
				return
			}
			t.Errorf("no accident in %d runs: the rule is superfluous, or the simulation is blind to it", *simSearch)
		})
	}
}
