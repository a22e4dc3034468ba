package store

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/racetest"
	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/quorum"
)

var (
	simSeed   = flag.Uint64("sim.seed", 1, "first seed of the simulation")
	simSearch = flag.Int("sim.search", 20000, "runs that may look for the accident of a rule taken out")
	simRuns   = flag.Int("sim.runs", 3000, "runs of the simulation with every rule in force")

	errSimUnknown = errors.New("not known")
	errSimDropped = fmt.Errorf("dropped: %w", quorum.ErrDropped)
)

const simSteps = 400

func seedsOf(seed uint64, n int) []uint64 {
	rng := rand.New(rand.NewPCG(seed, 2))
	list := make([]uint64, n)
	for i := range list {
		list[i] = rng.Uint64()
	}
	return list
}

// shrink leaves out as many steps as it can without losing the accident.
func shrink(seeds []uint64, out rules.Out, p profile, begin scene) []uint64 {
	for size := len(seeds) / 2; size > 0; size /= 2 {
		for at := 1; at+size <= len(seeds); {
			fewer := append(append([]uint64(nil), seeds[:at]...), seeds[at+size:]...)
			if run(fewer, out, p, begin, false).accident != "" {
				seeds = fewer
			} else {
				at += size
			}
		}
	}
	return seeds
}

func report(seeds []uint64, out rules.Out, p profile, begin scene) string {
	w := run(shrink(seeds, out, p, begin), out, p, begin, true)
	return w.accident + "\n" + strings.Join(w.trace, "\n")
}

// TestSimulation runs the protocol with every rule in force: there must be no accident.
func TestSimulation(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	for part := range simProfiles {
		t.Run(fmt.Sprintf("profile %d", part+1), func(t *testing.T) {
			t.Parallel()
			simulate(t, part)
		})
	}
}

var simProfiles = []profile{
	evenProfile,
	evenProfile.with(map[int]int{stepCrash: 1}),
	sessionProfile,
	evenProfile.with(map[int]int{stepLead: 8, stepLose: 4, stepDrop: 4}),
	permitsProfile,
}

// simulate does the runs of one profile, which are spread over the seeds.
func simulate(t *testing.T, part int) {
	begun, runs, steps := time.Now(), 0, 0
	for i := part; i < *simRuns; i += len(simProfiles) {
		seed := *simSeed + uint64(i)
		p := simProfiles[part]
		seeds := seedsOf(seed, simSteps)
		begin := scenes[i/len(simProfiles)%len(scenes)] // so that each profile has them all
		w := run(seeds, rules.Out{}, p, begin, false)
		runs, steps = runs+1, steps+w.steps
		if w.accident != "" {
			t.Fatalf("seed %d: %s", seed, report(seeds[:min(len(seeds), w.steps+2)], rules.Out{}, p, begin))
		}
	}
	t.Logf("%d runs, %d steps in %v, no accident", runs, steps, time.Since(begun).Round(time.Millisecond))
}

// scenes are where runs begin.
var scenes = []scene{
	nil, held, zkHeld, deposed, zkDeposed, deposedReading, deposedCommitting, slowTakeover, closing, closedInVain, kept,
	lateReply, restLateConfirm, zkLateConfirm, deposedIdle, deposedBehind, moved, silent, granting,
	leadingAgain,
}

// sessionProfile has more of what sessions live and die of.
var sessionProfile = profile{
	stepSubmit: 1, stepClient: 20, stepFlush: 6, stepUp: 8, stepDown: 6, stepNotice: 1, stepConnect: 2,
	stepApply: 10, stepCommit: 6, stepDrop: 1, stepLose: 1, stepTell: 5, stepRead: 5, stepReadTell: 5,
	stepLead: 1, stepTick: 5, stepTime: 9, stepPause: 1, stepWrite: 5, stepBurst: 10, stepRound: 20,
}
