// Bench measures Lockkeeper against the goals it was built for, each beside a yardstick that is
// measured in the same run on the same machine: bare etcd transactions, an empty HTTP handler,
// itself when it was younger, etcd's own locks, those of Redis, Apache ZooKeeper. It prints a table, and lines of Markdown, and says MET or MISSED;
// a missed goal is a finding, not a failure.
//
//	go run . -run all -rounds 5
//
// The scenarios, and what they take with five rounds:
//
//	store, rest, growth, start   the core and the REST door; some minutes each
//	locks                        many workers on distinct locks, beside etcd and Redis; 2 minutes
//	hot                          many workers on one lock, beside the same; 2 minutes
//	single                       one worker, beside two bare etcd transactions; 2 minutes
//	sessions                     kept alive, coming and going, falling silent; 9 minutes
//	deadlock                     workers that nest locks, with and without a look for cycles; 1 minute
//	multi                        one worker, ten locks together, beside one; 1 minute
//	three                        locks and hot with three members each; 3 minutes
//	zk-locks, zk-hot, zk-ops     ZooKeeper's clients at our door, beside Apache ZooKeeper, with the
//	zk-curator, zk-fan, zk-three same client: locks, one lock, single operations, Curator, watches,
//	                             three members; 2 to 4 minutes each
//	zk-idle                      very many connections that do nothing; 6 minutes
//	recipes                      read locks, a semaphore and an election by our SDK, beside Curator's
//	                             with Apache ZooKeeper; 5 minutes
//	sidecar                      memory and CPU of a sidecar with ten locks and an election; 4 minutes
//
// Rates depend on the machine and on what else it does; the CPU time of an operation, printed
// beside each rate, hardly does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A bench is one run: its settings, and where its results go.
type bench struct {
	rounds  int
	scale   float64
	dir     string // of all data directories; on a real disk
	profile string // directory for CPU profiles; empty: none are made
	binary  string // of lockkeeper; empty until it is built
	dirs    int    // named so far by newDir
	out     *report
	log     io.Writer // progress, for those who wait
}

// scenarios are what -run names, in the order in which all of them run.
var scenarios = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"store", (*bench).store},
	{"rest", (*bench).rest},
	{"growth", (*bench).growth},
	{"start", (*bench).start},
	{"locks", (*bench).locks},
	{"hot", (*bench).hot},
	{"single", (*bench).single},
	{"sessions", (*bench).sessions},
	{"deadlock", (*bench).deadlock},
	{"multi", (*bench).multi},
	{"three", (*bench).three},
	{"zk-locks", (*bench).zkLocks},
	{"zk-hot", (*bench).zkHot},
	{"zk-ops", (*bench).zkOps},
	{"zk-curator", (*bench).zkCurator},
	{"zk-fan", (*bench).zkFan},
	{"zk-idle", (*bench).zkIdle},
	{"zk-three", (*bench).zkThree},
	{"recipes", (*bench).recipes},
	{"sidecar", (*bench).sidecar},
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	b := &bench{log: stderr}
	var names, child string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&names, "run", "all", "what to measure, separated by commas: "+strings.Join(known(), ", ")+", or all")
	flags.IntVar(&b.rounds, "rounds", 5, "how often each side is measured; medians are told")
	flags.Float64Var(&b.scale, "scale", 1, "multiplies every number of operations and every time; less than 1 only shows that things run")
	flags.StringVar(&b.dir, "dir", "out", "where data directories are made, and removed; must be a real disk")
	flags.StringVar(&b.profile, "profile", "", "directory for CPU and allocation profiles; empty: none")
	flags.StringVar(&b.binary, "lockkeeper", "", "binary to measure in locks, hot, single, deadlock, multi, three, recipes, sidecar and zk-, but zk-idle; empty: it is built from the checkout")
	flags.StringVar(&child, "child", "", "for bench itself: be a server, as the JSON here says")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if child != "" {
		return beChild(ctx, child, stdin, stdout)
	}
	if b.rounds < 1 || b.scale <= 0 || flags.NArg() > 0 {
		return errors.New("-rounds must be at least 1, -scale above 0, and nothing may follow the flags")
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if err := b.makeDir(); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	machine, err := describe(b.dir)
	if err != nil {
		return err
	}
	b.out = newReport(machine, b.scale)
	for _, s := range scenarios {
		if !slices.Contains(chosen, s.name) {
			continue
		}
		if err := s.run(b, ctx); err != nil {
			_ = b.out.write(stdout) // what there is
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return b.out.write(stdout)
}

// known are the names that -run takes.
func known() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// choose returns the scenarios that -run names.
func choose(names string) ([]string, error) {
	if names == "all" {
		return known(), nil
	}
	chosen := strings.Split(names, ",")
	for _, name := range chosen {
		if !slices.Contains(known(), name) {
			return nil, fmt.Errorf("-run %q: use all, or some of %s", name, strings.Join(known(), ","))
		}
	}
	return chosen, nil
}

// makeDir makes a directory of this run's own under -dir.
func (b *bench) makeDir() error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return err
	}
	b.dir, err = filepath.Abs(dir)
	if err == nil && b.profile != "" {
		err = os.MkdirAll(b.profile, 0o755)
	}
	return err
}

// newDir names a directory that no other server of this run has: what one leaves there would be
// taken up by the next.
func (b *bench) newDir(name string) string {
	b.dirs++
	return filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, b.dirs))
}

// count scales a number of operations, and rounds it up to a multiple of callers.
func (b *bench) count(n, callers int) int {
	return max(1, int(float64(n)*b.scale+float64(callers)-1)/callers) * callers
}

// say tells whoever waits what is going on.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }
